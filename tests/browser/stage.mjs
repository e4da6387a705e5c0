// A development server of its own for each file of tests, and browsers to look at it with.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync',
];

/**
 * Starts a server on a data folder of its own, or on one that another server left. `more`: further arguments. Answers with its address, its
 * folder, how to end it for good, and how to kill it in the middle of whatever it does.
 */
export async function server(more = ['--demo'], port = 0, folder = mkdtempSync(join(tmpdir(), 'approvals-pages-'))) {
  const args = ['dev', '--port', String(port), '--data', folder, ...more];
  const child = spawn(process.env.APPROVALS ?? 'target/debug/approvals', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (bytes) => {
      said += bytes;
      const found = said.match(/Open (http:\/\/[^\s]+) /);
      if (found) resolve(found[1]);
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code} before it said where it is: ${said}`)));
  });
  const crash = () =>
    new Promise((done) => {
      if (child.exitCode !== null || child.signalCode !== null) return done();
      child.once('exit', done);
      child.kill('SIGKILL');
    });
  const end = async () => {
    await crash();
    rmSync(folder, { recursive: true, force: true });
  };
  return { address, folder, crash, end };
}

/** A browser. */
export function browser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
}

/** A development call of the server, such as moving its clock. */
export async function dev(address, what, body) {
  const answer = await fetch(`${address}/_dev/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'approvals-dev': '1' },
    body: JSON.stringify(body ?? {}),
  });
  if (!answer.ok) throw new Error(`${what}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** A call of the API as somebody. */
export async function api(address, user, method, path, body, scopes) {
  const { token } = await dev(address, 'token', { user, scopes });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(address + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** Logs in by the button with a name. */
export async function login(page, address, name) {
  await page.goto(`${address}/login`);
  await page.getByRole('button', { name: new RegExp(`^${name}`) }).click();
}

/** What axe-core finds wrong with a page, one line each. */
export async function violations(page) {
  await page.evaluate(axe());
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const found = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags }), tags);
  return found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.target.join(' ')).slice(0, 3).join(' | ')}`);
}

let source;
function axe() {
  source ??= readFileSync(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
  return source;
}
