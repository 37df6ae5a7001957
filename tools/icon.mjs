// Draws media/icon.png: a long teacher path in grey, and five evaluations that reach the same end.
//   node tools/icon.mjs
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode } from 'fast-png';

const size = 256;
const output = join(dirname(fileURLToPath(import.meta.url)), '..', 'media', 'icon.png');

/** Paths on the unit square from noise (top left) to the sample (bottom right); `swing` is how far they curve. */
const path = (swing) => (u) => [0.16 + 0.68 * u, 0.2 + 0.6 * u - swing * Math.sin(2 * Math.PI * u)];
const teacher = Array.from({ length: 65 }, (_, i) => path(0.19)(i / 64));
const student = Array.from({ length: 6 }, (_, i) => path(0.05)(i / 5));

function toSegment([px, py], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const t = Math.min(1, Math.max(0, ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(px - ax - t * dx, py - ay - t * dy);
}
const toLine = (p, line) => Math.min(...line.slice(1).map((b, i) => toSegment(p, line[i], b)));
const toDots = ([px, py], dots) => Math.min(...dots.map(([x, y]) => Math.hypot(px - x, py - y)));
function toRoundedSquare([x, y], radius) {
  const q = [Math.abs(x - 0.5) - 0.5 + radius, Math.abs(y - 0.5) - 0.5 + radius];
  return Math.hypot(Math.max(q[0], 0), Math.max(q[1], 0)) + Math.min(Math.max(...q), 0) - radius;
}

/** Coverage of a shape whose border lies at distance zero, smoothed over one pixel. */
const cover = (distance) => Math.min(1, Math.max(0, 0.5 - distance * size));
const mix = (a, b, t) => a.map((v, i) => v + (b[i] - v) * t);

const data = new Uint8Array(size * size * 4);
for (let y = 0; y < size; y++) {
  for (let x = 0; x < size; x++) {
    const p = [(x + 0.5) / size, (y + 0.5) / size];
    let colour = mix([18, 28, 48], [26, 44, 78], p[1]);
    colour = mix(colour, [104, 122, 152], 0.9 * cover(toLine(p, teacher) - 0.014));
    colour = mix(colour, [92, 178, 255], cover(toLine(p, student) - 0.017));
    colour = mix(colour, [26, 44, 78], cover(toDots(p, student) - 0.054));
    colour = mix(colour, [92, 178, 255], cover(toDots(p, student) - 0.04));
    colour = mix(colour, [255, 255, 255], cover(toDots(p, student.slice(-1)) - 0.04));
    data.set([...colour.map(Math.round), Math.round(255 * cover(toRoundedSquare(p, 0.19)))], (y * size + x) * 4);
  }
}
writeFileSync(output, encode({ width: size, height: size, data, channels: 4, depth: 8 }));
console.log(output);
