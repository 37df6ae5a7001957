import { benchGradient } from './gradient';
import { benchLearn } from './learn';
import { benchSampler } from './sampler';
import { benchTangents } from './tangents';

const benches = { gradient: benchGradient, tangents: benchTangents, sampler: benchSampler, learn: benchLearn };

/** Names of benches (all by default), then options, which only the gradient bench has. */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const firstOption = args.findIndex((arg) => arg.startsWith('-'));
  const wanted = firstOption < 0 ? args : args.slice(0, firstOption);
  const options = args.slice(wanted.length);
  const unknown = wanted.filter((name) => !(name in benches));
  if (options.length > 0 && wanted.join() !== 'gradient')
    throw new Error('Options belong to one bench: npm run bench -- gradient --threads 2.');
  if (unknown.length > 0)
    throw new Error(`No bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}.`);
  for (const [name, bench] of Object.entries(benches)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    if (!options.includes('--json')) console.log(`\n## ${name}\n`);
    await bench(options);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
