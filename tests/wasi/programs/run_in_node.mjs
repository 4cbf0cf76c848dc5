// Runs one program under Node's WASI: what it is given is the JSON of its one argument.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const { module, args, env, preopens } = JSON.parse(process.argv[2]);
const wasi = new WASI({ version: 'preview1', args, env, preopens, returnOnExit: true });
const compiled = new WebAssembly.Module(readFileSync(module));
const instance = new WebAssembly.Instance(compiled, wasi.getImportObject());
process.exitCode = wasi.start(instance);
