import { readFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute } from 'node:path';
import { ErrorCodes, LSPErrorCodes, ResponseError } from 'vscode-languageserver/node';
import type { Connection } from 'vscode-languageserver/node';
import { referencedFiles } from '../config';
import { methods } from '../protocol';
import type { RunTask } from '../protocol';
import type { Checker } from './checker';
import { pathOfUri } from './convert';
import type { RunManager } from './run-manager';

/** Connects the requests about runs to their manager. Params come from outside and are checked here. */
export function serveRuns(connection: Connection, runs: RunManager, checker: Checker): void {
  const serve = (method: string, handler: (params: Record<string, unknown>) => Promise<unknown>) => {
    connection.onRequest(method, async (params: unknown) => {
      try {
        return await handler(typeof params === 'object' && params !== null ? { ...params } : {});
      } catch (error) {
        if (error instanceof ResponseError) throw error;
        throw new ResponseError(LSPErrorCodes.RequestFailed, error instanceof Error ? error.message : String(error));
      }
    });
  };

  serve(methods.startRun, async (params) => {
    const configPath = configPathOf(params);
    const task = taskOf(params);
    const text = await readConfig(configPath);
    const { config, diagnostics } = await checker.check(text, configPath);
    if (config === undefined) {
      const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
      const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
      throw new Error(`${basename(configPath)} has errors: ${errors[0]?.message ?? 'it is not readable.'}${more}`);
    }
    return runs.start({ configPath, task, output: config.output });
  });
  serve(methods.stopRun, (params) => runs.stop(runDirOf(params)));
  serve(methods.resumeRun, (params) => runs.resume(runDirOf(params)));
  serve(methods.listRuns, async (params) => {
    const configPath = configPathOf(params);
    // A file that is gone may still have runs in the default place.
    const text = await readFile(configPath, 'utf8').catch(() => '');
    return runs.list(configPath, referencedFiles(text, dirname(configPath)).output);
  });
  serve(methods.replay, (params) => runs.replay(runDirOf(params), seqOf(params)));
}

async function readConfig(configPath: string): Promise<string> {
  try {
    return await readFile(configPath, 'utf8');
  } catch (error) {
    throw new Error(`${configPath} cannot be read; save it before starting a run.`, { cause: error });
  }
}

function invalid(message: string): ResponseError<void> {
  return new ResponseError(ErrorCodes.InvalidParams, message);
}

function configPathOf({ uri }: Record<string, unknown>): string {
  const path = typeof uri === 'string' ? pathOfUri(uri) : undefined;
  if (path === undefined) throw invalid('uri must be the file: URI of a solver.yaml.');
  return path;
}

function runDirOf({ runDir }: Record<string, unknown>): string {
  if (typeof runDir !== 'string' || !isAbsolute(runDir))
    throw invalid('runDir must be the absolute path of a run folder.');
  return runDir;
}

function taskOf({ task }: Record<string, unknown>): RunTask {
  if (task !== 'learn' && task !== 'preview') throw invalid('task must be learn or preview.');
  return task;
}

function seqOf({ fromSeq }: Record<string, unknown>): number {
  if (typeof fromSeq !== 'number' || !Number.isInteger(fromSeq) || fromSeq < 0) {
    throw invalid('fromSeq must be a whole number from 0.');
  }
  return fromSeq;
}
