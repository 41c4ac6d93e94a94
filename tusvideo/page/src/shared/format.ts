// Figures as people of the chosen language write them.
import { locale } from './i18n'

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** 1234567 → "1.2 MB"; a speed with `perSecond`. */
export function bytes(count: number, { perSecond = false } = {}): string {
  let step = 0
  let value = Math.max(0, count)
  while (value >= 999.5 && step < UNITS.length - 1) {
    value /= 1000
    step += 1
  }
  const digits = step > 0 && value < 99.95 ? 1 : 0
  return new Intl.NumberFormat(locale(), {
    style: 'unit',
    unit: perSecond ? `${UNITS[step]}-per-second` : UNITS[step],
    unitDisplay: step === 0 && !perSecond ? 'long' : 'short', // "0 byte" is no English
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value)
}

/** 0.4449 → "44 %"; never 100 % before it is all. */
export function percent(share: number): string {
  const whole = share >= 1 ? 1 : Math.floor(Math.max(0, share) * 100) / 100
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 0 }).format(whole)
}

/** 83 → "1:23", 3723 → "1:02:03": a length of film, the same in every language. */
export function clock(seconds: number): string {
  const all = Math.round(seconds)
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60]
  const pad = (value: number): string => String(value).padStart(2, '0')
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`
}

/** 75 → "1 min 15 sec"-like: how long something will take, coarser the longer it is. */
export function span(seconds: number): string {
  const unit = (value: number, name: 'second' | 'minute' | 'hour'): string =>
    new Intl.NumberFormat(locale(), { style: 'unit', unit: name, unitDisplay: 'short' }).format(value)
  const all = Math.max(1, Math.round(seconds))
  if (all < 60) return unit(all, 'second')
  if (all < 3600) return unit(Math.round(all / 60), 'minute')
  const [hours, minutes] = [Math.floor(all / 3600), Math.round((all % 3600) / 60)]
  return minutes ? `${unit(hours, 'hour')} ${unit(minutes, 'minute')}` : unit(hours, 'hour')
}

export function date(moment: string | number | Date): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(moment))
}

export function day(moment: string | number | Date): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium' }).format(new Date(moment))
}

export function list(words: readonly string[]): string {
  return new Intl.ListFormat(locale(), { type: 'unit', style: 'short' }).format(words)
}
