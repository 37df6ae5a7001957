import { InvalidArgumentError } from 'commander';

/** `0-3,7` as 0, 1, 2, 3, 7: whole numbers and ranges of them. */
export function wholeNumbers(text: string): number[] {
  const most = 100_000;
  const numbers = text.split(',').flatMap((part) => {
    const [, from, to = from] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part.trim()) ?? [];
    if (from === undefined || to === undefined || Number(to) < Number(from)) {
      throw new InvalidArgumentError('write whole numbers and ranges, such as 0-15 or 1,2,7.');
    }
    if (Number(to) - Number(from) >= most) throw new InvalidArgumentError(`that is more than ${most} numbers.`);
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i);
  });
  if (numbers.length > most) throw new InvalidArgumentError(`that is more than ${most} numbers.`);
  return numbers;
}

/** `80,9.7,0.47` as numbers. */
export function realNumbers(text: string): number[] {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (numbers.every(Number.isFinite)) return numbers;
  throw new InvalidArgumentError('write numbers with commas between them, such as 80,9.7,0.47.');
}

/** A number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('it must be a number above 0.');
}

/** A whole number of at least 1. */
export function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('it must be a whole number of at least 1.');
}
