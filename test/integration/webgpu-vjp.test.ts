import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runBuiltCli } from '../support/built-cli';

const models = ['mlp_sin', 'ddpm_unet2d', 'edm_songunet'];

/** Where Linux packages of Chromium and Mesa put the description of a software Vulkan driver. */
const usualPlaces = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib64/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
  '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json',
  '/usr/share/vulkan/icd.d/lvp_icd.json',
];
/** Where Linux keeps the loader that finds the driver. */
const loader = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'].find((folder) =>
  existsSync(join(folder, 'libvulkan.so.1')),
);
const driver = (process.env['VK_ICD_FILENAMES']?.split(':') ?? usualPlaces).find((file) => existsSync(file));

interface Results {
  readonly models: readonly {
    readonly name: string;
    readonly problem: string | null;
    readonly cases: readonly {
      readonly passed: boolean;
      readonly outputs: readonly { readonly error: number }[];
      readonly gradients: readonly { readonly name: string; readonly error: number }[];
    }[];
  }[];
}

// Compiling the shaders takes a software driver ten seconds a model on a slow core.
it.runIf(driver !== undefined && loader !== undefined)(
  'gradients on WebGPU agree with the CPU to 1e-3 (three networks, software Vulkan driver)',
  { timeout: 180_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 's4s-webgpu-'));
    try {
      for (const file of models.flatMap((name) => [`${name}.onnx`, `${name}.json`])) {
        copyFileSync(join('test/data/onnx', file), join(folder, file));
      }
      const env = {
        ...process.env,
        VK_ICD_FILENAMES: driver,
        XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] ?? folder,
      };
      const { code, stdout } = await runBuiltCli(['conformance', 'onnx', folder, '--device', 'webgpu', '--json'], env);
      const results = JSON.parse(stdout) as Results;
      expect(results.models.map(({ name, problem }) => [name, problem])).toEqual(
        models.toSorted().map((name) => [name, null]),
      );
      const errors = results.models.flatMap(({ cases }) =>
        cases.flatMap(({ outputs, gradients }) => [...outputs, ...gradients].map(({ error }) => error)),
      );
      expect(Math.max(...errors)).toBeLessThanOrEqual(1e-3);
      // Bit for bit the same would mean that everything ran on the CPU.
      expect(Math.max(...errors)).toBeGreaterThan(0);
      expect(code).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

it.runIf(driver === undefined || loader === undefined)('gradients on WebGPU are not checked here', ({ skip }) => {
  skip('there is no software Vulkan driver (install Chromium and libvulkan1, or name a driver in VK_ICD_FILENAMES)');
});
