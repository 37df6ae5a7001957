import { benchDemoRun } from './demo-run';
import { benchGradient } from './gradient';
import { benchLearn } from './learn';
import { benchLearnMemory } from './learn-memory';
import { benchSampler } from './sampler';
import { benchTangents } from './tangents';

const benches = {
  gradient: benchGradient,
  tangents: benchTangents,
  sampler: benchSampler,
  'demo-run': benchDemoRun,
  'learn-memory': benchLearnMemory,
  learn: benchLearn,
};

/** Those with options. */
const adjustable = ['gradient', 'learn', 'learn-memory'];
/** Takes hours, so only when asked for. */
const long = 'learn';

/** Names of benches (all but the long one by default), then the options of one. */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const firstOption = args.findIndex((arg) => arg.startsWith('-'));
  const wanted = firstOption < 0 ? args : args.slice(0, firstOption);
  const options = args.slice(wanted.length);
  const unknown = wanted.filter((name) => !(name in benches));
  if (options.length > 0 && !adjustable.includes(wanted.join()))
    throw new Error('Options belong to one bench: npm run bench -- gradient --threads 2.');
  if (unknown.length > 0)
    throw new Error(`No bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}.`);
  for (const [name, bench] of Object.entries(benches)) {
    if (wanted.length > 0 ? !wanted.includes(name) : name === long) continue;
    if (!options.includes('--json')) console.log(`\n## ${name}\n`);
    await bench(options);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
