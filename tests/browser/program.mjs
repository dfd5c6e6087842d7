// Starts the demonstration for a browser test: the real program with a throw-away SQLite folder.
// TUANJIAN_BIN names the program; BASE and DEMO (its JSON line) use one that runs already.

import { spawn } from 'node:child_process';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The program that is tested. */
export const program = () => process.env.TUANJIAN_BIN
  || fileURLToPath(new URL('../../target/debug/tuanjian', import.meta.url));

/** The running demonstration: `base`, `who(role)`, `workbook(part of its name)`, `stop()`. */
export async function demonstration() {
  if (process.env.DEMO) return speak(JSON.parse(process.env.DEMO), () => {});
  const child = spawn(program(), ['demo', '--scale', 'school', '--listen', '127.0.0.1:0', '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, RUST_LOG: process.env.RUST_LOG || 'error' } });
  const ended = new Promise(done => child.once('exit', done));
  const stop = async () => { child.kill('SIGTERM'); await ended; };
  const line = await Promise.race([
    new Promise(heard => readline.createInterface({ input: child.stdout }).once('line', heard)),
    ended.then(code => { throw new Error(`the program ended with ${code} before it was ready`); }),
  ]);
  return speak(JSON.parse(line), stop);
}

function speak(told, stop) {
  const who = role => {
    const found = told.sign_ins.find(s => s.role === role);
    if (!found) throw new Error(`the demonstration has no ${role}`);
    return found;
  };
  const workbook = part => {
    const found = told.workbooks.find(w => w.includes(part));
    if (!found) throw new Error(`the demonstration has no workbook ${part}`);
    return found;
  };
  return { base: process.env.BASE || told.address, who, workbook, stop };
}

/** Asks a page's JSON face with a personal token; for looking, and for what a test needs to know. */
export async function ask(base, token, path, form) {
  const headers = { accept: 'application/json', authorization: `Bearer ${token}` };
  const body = form ? JSON.stringify(form) : undefined;
  if (form) headers['content-type'] = 'application/json';
  const answer = await fetch(base + path, { method: form ? 'POST' : 'GET', headers, body });
  const value = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(value)}`);
  return value;
}
