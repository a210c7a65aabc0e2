/** Draws a scene at any size: tiles of the graphics card, put together on the script side. The window's size sets no limit. */
import { Color, LinearFilter, LinearSRGBColorSpace, RGBAFormat, UnsignedByteType, WebGLRenderTarget } from 'three';
import type { PerspectiveCamera, Scene, WebGLRenderer } from 'three';

export interface TileOptions {
  readonly width: number;
  readonly height: number;
  /** Samples per pixel along each axis, averaged. */
  readonly supersample: number;
  /** CSS colour, or null for transparent. */
  readonly background: string | null;
}

const TILE = 1024;

/** A render target is not converted to sRGB on the way out, and our shader writes sRGB: so must the background. */
function asWritten(css: string): Color {
  const hex = Number.parseInt(css.slice(1), 16);
  return new Color().setRGB((hex >> 16) / 255, ((hex >> 8) & 255) / 255, (hex & 255) / 255, LinearSRGBColorSpace);
}

/** 8-bit RGBA, top row first, straight alpha. Yields to the window between tiles. */
export async function renderTiles(renderer: WebGLRenderer, scene: Scene, camera: PerspectiveCamera, options: TileOptions): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const { width, height, supersample } = options;
  const fullWidth = width * supersample, fullHeight = height * supersample;
  const side = TILE - (TILE % supersample);
  const out = new Uint8ClampedArray(width * height * 4);
  const target = new WebGLRenderTarget(side, side, { format: RGBAFormat, type: UnsignedByteType, minFilter: LinearFilter, magFilter: LinearFilter, samples: 4 });
  const pixels = new Uint8Array(side * side * 4);
  const area = supersample * supersample;
  try {
    for (let top = 0; top < fullHeight; top += side) {
      for (let left = 0; left < fullWidth; left += side) {
        camera.setViewOffset(fullWidth, fullHeight, left, top, side, side);
        renderer.setRenderTarget(target);
        renderer.setClearColor(asWritten(options.background ?? '#000000'), options.background === null ? 0 : 1);
        renderer.render(scene, camera);
        renderer.readRenderTargetPixels(target, 0, 0, side, side, pixels);
        renderer.setRenderTarget(null);
        const columns = Math.min(side, fullWidth - left) / supersample, lines = Math.min(side, fullHeight - top) / supersample;
        for (let y = 0; y < lines; y++) {
          for (let x = 0; x < columns; x++) {
            let r = 0, g = 0, b = 0, a = 0;
            for (let sy = 0; sy < supersample; sy++) {
              // Rows come from the bottom up.
              const row = side - 1 - (y * supersample + sy);
              for (let sx = 0; sx < supersample; sx++) {
                const at = 4 * (row * side + x * supersample + sx);
                r += pixels[at]!; g += pixels[at + 1]!; b += pixels[at + 2]!; a += pixels[at + 3]!;
              }
            }
            const to = 4 * ((top / supersample + y) * width + left / supersample + x);
            // Resolved samples are premultiplied by their coverage.
            if (a > 0) { out[to] = (255 * r) / a; out[to + 1] = (255 * g) / a; out[to + 2] = (255 * b) / a; out[to + 3] = a / area; }
          }
        }
        await new Promise((resolve) => { setTimeout(resolve, 0); });
      }
    }
  } finally {
    renderer.setRenderTarget(null);
    camera.clearViewOffset();
    target.dispose();
  }
  return out;
}
