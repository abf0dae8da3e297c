// Light or dark: as the system has it, unless somebody has chosen here.

import { useSyncExternalStore } from 'react';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'halflap-theme';
const DARK_CLASS = 'pf-v6-theme-dark';
const system = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();
let theme = kept();

/** Before anything is drawn. */
export function startTheme(): void {
  system.addEventListener('change', apply);
  apply();
}

export function chooseTheme(chosen: Theme): void {
  theme = chosen;
  // Where nothing may be kept, the choice is for this page.
  try {
    localStorage.setItem(KEY, chosen);
  } catch {}
  apply();
  for (const tell of listeners) tell();
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => theme,
  );
}

function apply(): void {
  const isDark = theme === 'dark' || (theme === 'system' && system.matches);
  document.documentElement.classList.toggle(DARK_CLASS, isDark);
}

function kept(): Theme {
  try {
    const found = localStorage.getItem(KEY);
    return THEMES.find((one) => one === found) ?? 'system';
  } catch {
    return 'system';
  }
}
