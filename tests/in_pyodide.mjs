// Runs tests in Pyodide, which is CPython for Node and browsers, in wasm:
//
//   node tests/in_pyodide.mjs PYODIDE SITE [ARGUMENT OF PYTEST]...
//
// PYODIDE is the directory of npm's package, SITE one of pure Python packages with pytest and
// hypothesis in it. Nothing is fetched. The checkout, SITE, the official scripts and the directory
// that a --junitxml names are mounted where they are on this machine. The exit code is pytest's; 70
// where the interpreter ended, which says in which test.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [, , pyodide, site, ...args] = process.argv;
if (site === undefined) {
  console.error('usage: node tests/in_pyodide.mjs PYODIDE SITE [ARGUMENT OF PYTEST]...');
  process.exit(2);
}
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scripts = resolve(process.env.WASMPY_SPEC_TESTS ?? join(root, '..', 'shared', 'spec-testsuite'));
const addopts = process.env.PYTEST_ADDOPTS ?? '';
const reports = [...args, ...addopts.split(' ')]
  .filter((arg) => arg.startsWith('--junitxml='))
  .map((arg) => dirname(resolve(arg.slice('--junitxml='.length))));

const env = { PYTEST_ADDOPTS: addopts };
for (const name of ['CI', 'WASMPY_SPEC_TESTS']) {
  if (process.env[name] !== undefined) env[name] = process.env[name];
}
const { loadPyodide } = await import(pathToFileURL(join(resolve(pyodide), 'pyodide.mjs')).href);
const python = await loadPyodide({ indexURL: resolve(pyodide), env });
const places = [...new Set([root, resolve(site), scripts, ...reports])].filter((place) => existsSync(place));
const isInside = (place, other) => place !== other && place.startsWith(join(other, '/'));
for (const place of places) {
  if (!places.some((other) => isInside(place, other))) python.mountNodeFS(place, place);
}

let running = 'none';
const names = { ROOT: root, SITE: resolve(site), ARGS: python.toPy(args), tell: (name) => { running = name; } };
for (const [name, value] of Object.entries(names)) python.globals.set(name, value);
try {
  process.exitCode = python.runPython(`
import os, sys

sys.path[:0] = [ROOT, SITE]
sys.dont_write_bytecode = True
os.chdir(ROOT)
import pytest


class Telling:
    """Says which test runs, in case that nobody is there to say so afterwards."""

    def pytest_runtest_logstart(self, nodeid, location):
        tell(nodeid)


# No thread could watch for a test that hangs, and nothing is kept from run to run.
OPTIONS = ["-o", "faulthandler_timeout=0", "-p", "no:cacheprovider", "-p", "tests.lacking", "-rs"]
int(pytest.main([*OPTIONS, *ARGS], plugins=[Telling()]))
`);
} catch (error) {
  console.error(error.message);
  console.error(`the interpreter ended in ${running}`);
  process.exitCode = 70;
}
