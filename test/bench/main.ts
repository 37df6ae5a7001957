import { benchGradient } from './gradient';
import { benchLearn } from './learn';
import { benchSampler } from './sampler';

const benches = { gradient: benchGradient, sampler: benchSampler, learn: benchLearn };

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !(name in benches));
  if (unknown.length > 0)
    throw new Error(`No bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}.`);
  for (const [name, bench] of Object.entries(benches)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`\n## ${name}\n`);
    await bench();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
