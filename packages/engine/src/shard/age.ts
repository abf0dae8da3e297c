// How long something has lasted, for people. Whoever blocks a shard may have done so for days.

const DAY_SECONDS = 86_400;

/** `00:00:07`, `2 d 01:30:00`. */
export function ageText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / DAY_SECONDS);
  const parts = [
    Math.floor((whole % DAY_SECONDS) / 3600),
    Math.floor((whole % 3600) / 60),
    whole % 60,
  ];
  const clock = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return days === 0 ? clock : `${days} d ${clock}`;
}
