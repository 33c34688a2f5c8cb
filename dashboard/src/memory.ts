// What this browser remembers between visits; nothing, where it refuses to.

const name = (key: string): string => `kiribi.${key}`;

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(name(key));
  } catch {
    return null; // storage is switched off
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(name(key), value);
  } catch {
    // storage is switched off or full: the choice lasts as long as the page
  }
}
