/** Numbers and times as people say them. */
export function duration(seconds: number): string {
  if (seconds < 1) return 'under a second';
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60), rest = Math.round(seconds % 60);
  if (minutes < 10) return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
  if (minutes < 60) return `${Math.round(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3600);
  return `${hours} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** "about 3 min": a time left is never exact. */
export function timeLeft(seconds: number | null): string {
  if (seconds === null) return 'estimating time';
  if (seconds < 5) return 'a few seconds left';
  const rounded = seconds < 60 ? Math.ceil(seconds / 5) * 5 : seconds < 600 ? Math.ceil(seconds / 15) * 15 : Math.ceil(seconds / 60) * 60;
  return `about ${duration(rounded)} left`;
}

export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count, unit = 0;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit++; }
  return `${value >= 100 || unit === 0 ? value.toFixed(0) : value.toPrecision(3)} ${units[unit]}`;
}

/** "today 14:02", "yesterday", "3 Nov". */
export function when(iso: string, now: Date): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  const time = date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  if (days === 0) return `today ${time}`;
  if (days === 1) return `yesterday ${time}`;
  return date.toLocaleDateString(undefined, { day: 'numeric', month: 'short', ...(date.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' }) });
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

/** A name in quotation marks, cut where it is too long for a notice. */
export function named(name: string, letters = 60): string {
  return `“${name.length > letters ? `${name.slice(0, letters - 1).trimEnd()}…` : name}”`;
}

export function percent(share: number, digits = 0): string {
  return `${(100 * share).toFixed(digits)} %`;
}
