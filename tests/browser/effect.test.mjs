// Before it takes effect: a receipt that a foreign library checks while the service is off, and one winner under kill -9.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { api, dev, server } from './stage.mjs';

const STARTS = 1000;

let stage;

before(async () => {
  stage = await server([]);
  for (const id of ['rita', 'ann', 'erp']) {
    await api(stage.address, 'root', 'PUT', `/v1/users/${id}`, { name: id, email: `${id}@example.com`, active: true });
  }
  await api(stage.address, 'root', 'PUT', '/v1/roles/approval_effect/members/erp');
  const steps = [{ id: 'finance', approvers: [{ user: 'ann' }] }];
  await api(stage.address, 'root', 'PUT', '/v1/templates/t', { key: 't', title: 'T', steps, effect: { confirm: true, within: '1h' } });
});

after(() => stage?.end());

/** Kills the server in the middle of whatever it does, and starts it again on what it left. */
async function again() {
  await stage.crash();
  stage = await server([], 0, stage.folder);
}

async function approved(id) {
  const body = { template: 't', entity: { type: 'order', id }, title: `Order ${id}`, metadata: {} };
  const asked = await api(stage.address, 'rita', 'POST', '/v1/requests', body);
  const vote = { step: 'finance', decision: 'approve', payload_hash: asked.payload_hash };
  const done = await api(stage.address, 'ann', 'POST', `/v1/requests/${asked.id}/decisions`, vote);
  assert.equal(done.effect.state, 'pending');
  return done;
}

/** A call that may find the server dead: its status and body, or nothing. */
async function tried(token, path, key, body) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': key };
  try {
    const answer = await fetch(stage.address + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  } catch {
    return undefined;
  }
}

const token = async (user) => (await dev(stage.address, 'token', { user })).token;
const view = (id) => api(stage.address, 'rita', 'GET', `/v1/requests/${id}`);

/** How often something happened to a request, by its history. */
async function count(id, type) {
  const { items } = await api(stage.address, 'rita', 'GET', `/v1/requests/${id}/history`);
  return items.flatMap((commit) => commit.events).filter((event) => event.type === type).length;
}

test('jose checks a receipt by the key set alone, with the service off', async () => {
  const request = await approved('receipt');
  const { receipt } = await api(stage.address, 'erp', 'POST', `/v1/requests/${request.id}/effect/start`, {
    payload_hash: request.payload_hash,
  });
  const keys = await (await fetch(`${stage.address}/.well-known/jwks.json`)).json();
  const issuer = stage.address;
  await stage.crash();

  const known = createLocalJWKSet(keys);
  const expected = { issuer, audience: 'erp', subject: 'erp', algorithms: ['EdDSA'], typ: 'JWT' };
  const { payload } = await jwtVerify(receipt, known, expected);
  assert.equal(payload.jti, `${request.id}#1`);
  assert.deepEqual([payload.request, payload.payload_hash], [request.id, request.payload_hash]);
  assert.deepEqual(payload.template, { key: 't', version: 1 });
  assert.deepEqual(payload.approvers, [{ by: 'ann', step: 'finance' }]);
  assert.equal(decodeProtectedHeader(receipt).kid, keys.keys[0].kid);

  const [header, claims, signature] = receipt.split('.');
  const other = Buffer.from(JSON.stringify({ ...payload, payload_hash: 'A'.repeat(43) })).toString('base64url');
  await assert.rejects(jwtVerify(`${header}.${other}.${signature}`, known, expected), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
  await assert.rejects(jwtVerify(receipt, known, { ...expected, audience: 'another' }), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
  const late = new Date((payload.exp + 1) * 1000);
  await assert.rejects(jwtVerify(`${header}.${claims}.${signature}`, known, { ...expected, currentDate: late }), { code: 'ERR_JWT_EXPIRED' });

  stage = await server([], 0, stage.folder);
  const after = await (await fetch(`${stage.address}/.well-known/jwks.json`)).json();
  assert.deepEqual(after, keys, 'the key outlives the process');
});

test('of a thousand starts one wins, though the server is killed among them', async () => {
  const request = await approved('crowd');
  const path = `/v1/requests/${request.id}/effect/start`;
  const body = { payload_hash: request.payload_hash };
  const erp = await token('erp');
  const answers = new Map();
  const start = async (n) => {
    const answer = await tried(erp, path, `start ${n}`, body);
    if (answer) answers.set(n, answer);
  };
  const all = [...Array(STARTS).keys()];
  const crowd = all.map(start);
  await Promise.race([Promise.any(crowd), new Promise((done) => setTimeout(done, 50))]);
  await again();
  await Promise.all(crowd);
  const before = [...answers].filter(([, { status }]) => status === 200);
  assert.ok(before.length <= 1, `${before.length} starts were told that they won`);

  answers.clear();
  for (let from = 0; from < STARTS; from += 100) await Promise.all(all.slice(from, from + 100).map(start));
  const after = [...answers].filter(([, { status }]) => status === 200);
  assert.deepEqual([answers.size, after.length], [STARTS, 1]);
  for (const [n, { body }] of before) assert.deepEqual(body.request, answers.get(n).body.request);
  for (const [, answer] of [...answers].filter(([, { status }]) => status !== 200)) {
    assert.deepEqual([answer.status, answer.body.code], [409, 'effect_started']);
  }
  assert.equal(await count(request.id, 'effect.started'), 1);
});

test('a start against a recall, a cancel and the expiry: one wins, killed or not', async () => {
  const against = {
    recall: ['ann', 'recall', { reason: 'too dear' }, 'returned'],
    cancel: ['rita', 'cancel', {}, 'cancelled'],
  };
  const erp = await token('erp');
  for (const [name, [who, call, body, lost]] of Object.entries(against)) {
    const other = await token(who);
    for (let n = 0; n < 6; n += 1) {
      const request = await approved(`${name} ${n}`);
      const starting = () => tried(erp, `/v1/requests/${request.id}/effect/start`, 's', { payload_hash: request.payload_hash });
      const ending = () => tried(other, `/v1/requests/${request.id}/${call}`, 'e', body);
      const both = n % 2 ? [starting(), ending()] : [ending(), starting()].reverse();
      if (n >= 2) {
        await new Promise((done) => setTimeout(done, n));
        await again();
      }
      await Promise.all(both);
      const [start, end] = [await starting(), await ending()];
      assert.deepEqual([start.status, end.status].sort(), [200, 409], `${name} ${n}: ${start.status} and ${end.status}`);
      assert.equal((await view(request.id)).status, start.status === 200 ? 'approved' : lost);
      assert.equal(await count(request.id, 'effect.started'), start.status === 200 ? 1 : 0);
    }
  }
  const request = await approved('expiry');
  const moving = dev(stage.address, 'clock', { advance_seconds: 3600 });
  const start = await tried(await token('erp'), `/v1/requests/${request.id}/effect/start`, 's', { payload_hash: request.payload_hash });
  await moving;
  const now = await view(request.id);
  assert.equal(now.status, start.status === 200 ? 'approved' : 'expired');
  assert.equal(await count(request.id, 'effect.started'), start.status === 200 ? 1 : 0);
});
