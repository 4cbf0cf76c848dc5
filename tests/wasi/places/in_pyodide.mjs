// Runs in_pyodide.py in Pyodide: `node in_pyodide.mjs PYODIDE ROOT`, the package's directory and the
// checkout's. Nothing is fetched; the checkout is mounted, and all is read from there.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const [, , pyodide, root] = process.argv;
const { loadPyodide } = await import(pathToFileURL(join(pyodide, 'pyodide.mjs')).href);
const python = await loadPyodide({ indexURL: pyodide });
python.mountNodeFS('/checkout', root);
try {
  python.runPython(`
import sys
sys.path.insert(0, "/checkout")
sys.dont_write_bytecode = True
exec(compile(open("/checkout/tests/wasi/places/in_pyodide.py").read(), "in_pyodide.py", "exec"))
`);
} catch (error) {
  console.error(error.message); // Python's traceback, without the lines of the package
  process.exitCode = 1;
}
