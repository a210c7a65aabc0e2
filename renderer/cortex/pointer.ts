/** Pointer and wheel of the canvas as the few things that mean something: hover, click, unfold. */
export interface PointerEvents {
  /** Canvas pixels; null when the pointer leaves or a button goes down. */
  readonly move: (at: { readonly x: number; readonly y: number } | null) => void;
  readonly click: (x: number, y: number, modifiers: { readonly alt: boolean; readonly shift: boolean }) => void;
  /** Shift and wheel, as users of this literature expect; a share of the slider. */
  readonly unfold: (amount: number) => void;
}

/** A press that moves further than this is a drag. */
const CLICK_PIXELS = 4;
const WHEEL_TO_SLIDER = 1 / 2000;

/** Returns a function that stops listening. */
export function listenToPointer(canvas: HTMLCanvasElement, events: PointerEvents): () => void {
  let pressed: { readonly x: number; readonly y: number } | null = null;
  const place = (event: PointerEvent): { x: number; y: number } => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const move = (event: PointerEvent): void => { if (pressed === null) events.move(place(event)); };
  const leave = (): void => { events.move(null); };
  const down = (event: PointerEvent): void => { pressed = place(event); events.move(null); };
  const up = (event: PointerEvent): void => {
    const from = pressed, to = place(event);
    pressed = null;
    if (from === null || event.button !== 0 || Math.hypot(to.x - from.x, to.y - from.y) > CLICK_PIXELS) return;
    events.click(to.x, to.y, { alt: event.altKey, shift: event.shiftKey });
  };
  const wheel = (event: WheelEvent): void => {
    if (!event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    events.unfold((Math.abs(event.deltaY) > Math.abs(event.deltaX) ? event.deltaY : event.deltaX) * WHEEL_TO_SLIDER);
  };
  canvas.addEventListener('pointermove', move);
  canvas.addEventListener('pointerleave', leave);
  canvas.addEventListener('pointerdown', down);
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('wheel', wheel, { passive: false, capture: true });
  return () => {
    canvas.removeEventListener('pointermove', move);
    canvas.removeEventListener('pointerleave', leave);
    canvas.removeEventListener('pointerdown', down);
    canvas.removeEventListener('pointerup', up);
    canvas.removeEventListener('wheel', wheel, { capture: true });
  };
}
