/** Share of samples whose largest logit is at the wanted label. `logits` is `count × classes`. */
export function accuracy(logits: Float32Array, labels: ArrayLike<number>): number {
  const count = labels.length;
  const classes = logits.length / count;
  let right = 0;
  for (let i = 0; i < count; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[i * classes + c]! > logits[i * classes + best]!) best = c;
    if (best === labels[i]) right += 1;
  }
  return right / count;
}
