// Adapter for V8, as a program for Node: it answers the jobs of harness/work.py, one JSON line
// each, and with `--first GUARD INPUT` it is the whole process of a cold start.
//
// Times are the processor time of the process, so what the compiler's threads do counts while
// it lasts. What does not belong here: which jobs, and what the answers mean.
"use strict";

const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const readline = require("readline");

const SHORTEST = 0.2; // seconds that a measurement takes at least
const SAMPLE = 0.01; // seconds that a time of the warm-up takes at least
const OUT_SIZE = 4 * 1024 * 1024;
const ENOSYS = 52;
const FUNCTIONS = ["label_agent", "label_resource", "label_response"];
const KERNELS = path.join(__dirname, "..", "kernels");

function now() {
  const used = process.cpuUsage();
  return (used.user + used.system) / 1e6;
}

function settled(times, last = 4, within = 0.05) {
  if (times.length < last + 1) return false;
  const tail = times.slice(-last);
  const least = Math.min(...tail);
  return Math.max(...tail) <= least * (1 + within) && least <= Math.min(...times) * (1 + within);
}

function peakMemory() {
  try {
    return Number(/^VmHWM:\s*(\d+)/m.exec(fs.readFileSync("/proc/self/status", "ascii"))[1]);
  } catch {
    return process.resourceUsage().maxRSS;
  }
}

// Compact JSON with sorted keys, as guard_driver.py writes it.
function encode(value) {
  const sorted = (v) => {
    if (Array.isArray(v)) return v.map(sorted);
    if (v === null || typeof v !== "object") return v;
    // A null prototype, so that no key is special; numbers as keys would be put in front.
    return new Map(Object.keys(v).sort(byCodePoints).map((k) => [k, sorted(v[k])]));
  };
  const text = (v) => {
    if (v instanceof Map) {
      return "{" + [...v].map(([k, e]) => JSON.stringify(k) + ":" + text(e)).join(",") + "}";
    }
    return Array.isArray(v) ? "[" + v.map(text).join(",") + "]" : JSON.stringify(v);
  };
  return Buffer.from(text(sorted(value)), "utf8");
}

function byCodePoints(a, b) {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}

function inputs(given) {
  const tool = { tool_args: given.tool_args === undefined ? {} : given.tool_args, tool_name: given.tool_name };
  const result = given.tool_result === undefined ? null : given.tool_result;
  return [encode(given.policy), encode(tool), encode({ ...tool, tool_result: result })];
}

class GuardHost {
  constructor(given) {
    this.random = 0n;
    this.take(given);
  }

  take(given) {
    this.backend = (given.backend || []).map((rule) => ({
      name: rule.tool_name,
      args: "tool_args" in rule ? encode(rule.tool_args) : null,
      result: "result" in rule ? encode(rule.result) : null,
    }));
  }

  bytes(ptr, length) {
    return Buffer.from(this.memory.buffer, ptr >>> 0, length >>> 0);
  }

  answer(name, args) {
    const told = encode(args);
    const rule = this.backend.find((r) => r.name === name && (r.args === null || r.args.equals(told)));
    return rule ? rule.result : null;
  }

  imports(module) {
    const own = {
      call_backend: (name, nameLength, args, argsLength, res, size) => {
        const told = argsLength ? JSON.parse(this.bytes(args, argsLength).toString("utf8")) : null;
        const answer = this.answer(this.bytes(name, nameLength).toString("utf8"), told);
        if (answer === null) return -1;
        if (answer.length > size) {
          if (size >= 4) this.bytes(res, 4).writeUInt32LE(answer.length);
          return -2;
        }
        answer.copy(this.bytes(res, answer.length));
        return answer.length;
      },
      host_log: () => {},
      random_get: (ptr, length) => {
        let stream = Buffer.alloc(0);
        while (stream.length < length) {
          const counter = Buffer.alloc(8);
          counter.writeBigUInt64LE(this.random++);
          stream = Buffer.concat([stream, crypto.createHash("sha256").update(counter).digest()]);
        }
        stream.copy(this.bytes(ptr, length), 0, 0, length);
        return 0;
      },
      environ_sizes_get: (count, size) => {
        this.bytes(count, 4).fill(0);
        this.bytes(size, 4).fill(0);
        return 0;
      },
      environ_get: () => 0,
      fd_write: (fd, vectors, count, written) => {
        let total = 0;
        for (let i = 0; i < count; i++) total += this.bytes(vectors + 8 * i + 4, 4).readUInt32LE();
        this.bytes(written, 4).writeUInt32LE(total);
        return 0;
      },
      poll_oneoff: () => 0,
      proc_exit: (code) => {
        throw new Error("the guard has exited with " + code);
      },
    };
    const found = {};
    for (const { module: space, name, kind } of WebAssembly.Module.imports(module)) {
      if (kind === "function") (found[space] ||= {})[name] = own[name] || (() => ENOSYS);
    }
    return found;
  }

  start(module) {
    const instance = new WebAssembly.Instance(module, this.imports(module));
    this.memory = instance.exports.memory;
    if (instance.exports._initialize) instance.exports._initialize();
    return instance;
  }

  ask(instance, name, question) {
    const { alloc, dealloc, [name]: label } = instance.exports;
    const inPtr = alloc(question.length) >>> 0;
    const outPtr = alloc(OUT_SIZE) >>> 0;
    if (!inPtr || !outPtr) throw new Error("alloc has failed");
    question.copy(this.bytes(inPtr, question.length));
    const length = label(inPtr, question.length, outPtr, OUT_SIZE);
    let answer = Buffer.from(length + ":");
    if (length > 0) answer = Buffer.concat([answer, this.bytes(outPtr, length)]);
    dealloc(outPtr, OUT_SIZE);
    dealloc(inPtr, question.length);
    return answer;
  }
}

class KernelWork {
  constructor(job) {
    const wasm = fs.readFileSync(path.join(KERNELS, job.kernel.file));
    this.run = new WebAssembly.Instance(new WebAssembly.Module(wasm), {}).exports.run;
    let sizes = Object.entries(job.kernel.sizes).sort((a, b) => a[1].n - b[1].n);
    if (job.size) sizes = sizes.filter(([name]) => name === job.size);
    let chosen = "";
    let times = [0];
    for (const [name, size] of sizes) {
      if (chosen) {
        const growth = size.instructions / this.size.instructions;
        if (Math.min(...times) * growth > job.budget) break;
      }
      chosen = name;
      this.size = size;
      times = [this.sample()];
      const until = now() + job.settle;
      while (now() < until && !(times.length > 10 && settled(times))) times.push(this.sample());
    }
    this.calls = Math.max(1, Math.ceil(SHORTEST / Math.max(Math.min(...times), 1e-5)));
    this.answer = {
      size: chosen, n: this.size.n, calls: this.calls, instructions: this.size.instructions,
      settled: settled(times), warm_up: times.length,
    };
  }

  // Seconds of a call; short ones are taken together, for the sake of the clock.
  sample() {
    let total = 0;
    let calls = 0;
    for (; total < SAMPLE; calls++) total += this.once();
    return total / calls;
  }

  once() {
    const begin = now();
    const result = this.run(this.size.n);
    const seconds = now() - begin;
    if (result !== this.size.result) {
      throw new Error(`run(${this.size.n}) is ${result}, not ${this.size.result}`);
    }
    return seconds;
  }

  measure() {
    let total = 0;
    for (let i = 0; i < this.calls; i++) total += this.once();
    return { seconds: total / this.calls };
  }
}

class GuardWork {
  constructor(job) {
    this.cases = job.payloads.map((file) => JSON.parse(fs.readFileSync(file, "utf8")));
    this.questions = this.cases.map(inputs);
    this.host = new GuardHost(this.cases[0]);
    const wasm = fs.readFileSync(job.guard);
    let begin = now();
    const module = new WebAssembly.Module(wasm);
    const load = now() - begin;
    begin = now();
    this.instance = this.host.start(module);
    this.answer = { load, instantiate: now() - begin };
    const times = [];
    let total = 0;
    while (times.length < (job.rounds || 0) || (total < (job.settle || 0) && !settled(times))) {
      begin = now();
      this.measure();
      times.push(now() - begin);
      total += times[times.length - 1];
    }
    Object.assign(this.answer, { warm_up: times.length, settled: settled(times) });
  }

  measure() {
    const figures = [];
    const digests = [];
    this.cases.forEach((given, number) => {
      this.host.take(given);
      const mine = [];
      const digest = crypto.createHash("sha256");
      FUNCTIONS.forEach((name, index) => {
        const begin = now();
        const answer = this.host.ask(this.instance, name, this.questions[number][index]);
        mine.push(now() - begin);
        digest.update(answer);
      });
      figures.push(mine);
      digests.push(digest.digest("hex"));
    });
    return { figures, digests, memory: peakMemory() };
  }
}

class LoadWork {
  constructor(job) {
    this.wasm = fs.readFileSync(job.guard);
    this.answer = { instructions: job.instructions };
  }

  measure() {
    const begin = now();
    new WebAssembly.Module(this.wasm);
    return { seconds: now() - begin };
  }
}

class ColdWork {
  constructor(job) {
    this.job = job;
    this.wasm = fs.readFileSync(job.wasm);
    this.known = job.known ? new WebAssembly.Module(this.wasm) : null;
    this.answer = { result: this.first() };
  }

  first() {
    if (!this.instance || !this.job.again) {
      const unheardOf = [Buffer.from([0, 18, 1, 120]), crypto.randomBytes(16)];
      const module = this.known || new WebAssembly.Module(Buffer.concat([this.wasm, ...unheardOf]));
      this.instance = new WebAssembly.Instance(module, {});
    }
    return this.instance.exports.run(this.job.n);
  }

  measure() {
    const times = this.job.times || 1;
    const begin = now();
    for (let i = 0; i < times; i++) this.first();
    return { seconds: (now() - begin) / times };
  }
}

const WORK = { cold: ColdWork, kernel: KernelWork, guard: GuardWork, load: LoadWork };
let work = null;

function answer(job) {
  try {
    if (job.do === "measure") return work.measure();
    work = new WORK[job.do](job);
    return { ...work.answer, version: `${process.versions.v8} (Node ${process.versions.node})` };
  } catch (error) {
    return { error: String(error) };
  }
}

function first(guard, input) {
  const host = new GuardHost({});
  const instance = host.start(new WebAssembly.Module(fs.readFileSync(guard)));
  const length = host.ask(instance, "label_agent", fs.readFileSync(input)).length;
  console.log(JSON.stringify({ length, memory: peakMemory() }));
}

if (process.argv[2] === "--first") {
  first(process.argv[3], process.argv[4]);
} else {
  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + "\n");
  });
}
