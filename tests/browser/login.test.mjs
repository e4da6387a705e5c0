// Login at a real issuer: code flow with PKCE, step-up, links side by side, expiry while somebody writes, logout, strangers, the first administrator.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CLIENT, SECRET, atIssuer, freePort, issuer } from './issuer.mjs';
import { api, browser, dev, server } from './stage.mjs';

let stage, idp, chrome;

const args = (idp) => ['--oidc-issuer', idp.name, '--oidc-client-id', CLIENT, '--oidc-client-secret', SECRET];

before(async () => {
  const port = await freePort();
  idp = await issuer(`http://127.0.0.1:${port}`);
  stage = await server(['--demo', ...args(idp)], port);
  chrome = await browser();
});

after(async () => {
  await chrome?.close();
  await stage?.end();
  await idp?.end();
});

const at = (path) => stage.address + path;
const person = async () => {
  const context = await chrome.newContext();
  return { context, page: await context.newPage() };
};
const said = (page) => page.locator('main').innerText();

async function enter(page, user, path = '/') {
  await page.goto(at(path));
  await atIssuer(page, user);
}

test('somebody comes back to the page they wanted', async () => {
  const { context, page } = await person();
  await page.goto(at('/mine?status=approved'));
  assert.ok(page.url().startsWith(idp.name), 'they are at the issuer');
  await atIssuer(page, 'alice');
  assert.equal(page.url(), at('/mine?status=approved'));
  const [cookie, ...more] = (await context.cookies(stage.address)).filter(({ name }) => name === 'session');
  assert.deepEqual(more, []);
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.expires], [true, 'Lax', -1]);
  assert.deepEqual((await context.cookies(stage.address)).filter(({ name }) => name.startsWith('login-')), [], 'the login is over');
  await context.close();
});

test('three links opened at once all arrive', async () => {
  const { context } = await person();
  const paths = ['/mine', '/decided', '/find?q=PO-1042'];
  const tabs = [];
  for (const path of paths) {
    const page = await context.newPage();
    await page.goto(at(path));
    tabs.push(page);
  }
  for (const [index, page] of tabs.entries()) {
    await atIssuer(page, 'alice');
    await page.waitForURL(at(paths[index]));
  }
  await context.close();
});

test('at most five logins stand side by side', async () => {
  const { context, page } = await person();
  for (let n = 0; n < 8; n++) await page.goto(at(`/find?q=${n}`));
  const open = (await context.cookies(stage.address)).filter(({ name }) => name.startsWith('login-'));
  assert.equal(open.length, 5);
  await atIssuer(page, 'alice');
  assert.equal(page.url(), at('/find?q=7'), 'the newest still works');
  await context.close();
});

test('a stranger is told who they are and whom to ask', async () => {
  const { context, page } = await person();
  await enter(page, 'mallory');
  assert.match(await said(page), /not known here[\s\S]*mallory[\s\S]*administrator/i);
  await page.goto(at('/mine'));
  assert.ok(!page.url().startsWith(at('/mine')), 'there is no session');
  await context.close();
});

test('a callback that nobody began does nothing', async () => {
  const { context, page } = await person();
  for (const query of ['code=x&state=y', 'error=access_denied&state=y', '']) {
    const answer = await page.goto(at(`/login/callback?${query}`));
    assert.equal(answer.status(), 400);
  }
  // A login that somebody else began, in another browser.
  const other = await person();
  await other.page.goto(at('/mine'));
  const stolen = (await other.context.cookies(stage.address)).find(({ name }) => name.startsWith('login-'));
  const answer = await page.goto(at(`/login/callback?code=x&state=${stolen.name.slice('login-'.length)}`));
  assert.equal(answer.status(), 400);
  await other.context.close();
  await context.close();
});

test('a step that demands a login asks for a fresh one', async () => {
  const metadata = { value: 9000, currency: 'EUR', counterparty: 'Acme', kind: 'nda' };
  const body = { template: 'contract', entity: { type: 'contract', id: 'C-1' }, title: 'Mutual NDA', metadata };
  const made = await api(stage.address, 'alice', 'POST', '/v1/requests', body);
  const vote = { step: 'department', decision: 'approve', payload_hash: made.payload_hash };
  await api(stage.address, 'bob', 'POST', `/v1/requests/${made.id}/decisions`, vote);
  const { context, page } = await person();
  await enter(page, 'heidi', `/requests/${made.id}`);
  assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
  await page.getByRole('link', { name: 'Log in again' }).click();
  assert.ok(page.url().startsWith(idp.name) && (await page.locator('input[name=login]').count()), 'the issuer asks anew');
  await atIssuer(page, 'heidi');
  assert.equal(page.url(), at(`/requests/${made.id}`));
  await page.getByRole('button', { name: 'Approve' }).click();
  assert.match(await said(page), /You approved/);
  await context.close();
});

test('a session that ends while somebody writes loses no word', async () => {
  const found = await api(stage.address, 'alice', 'GET', '/v1/requests?limit=100');
  const chairs = found.items.find((request) => request.title.startsWith('Twelve chairs'));
  const { context, page } = await person();
  await enter(page, 'bob', `/requests/${chairs.id}`);
  await page.getByLabel('Comment').first().fill('Chairs, at last.');
  await dev(stage.address, 'clock', { advance_seconds: 31 * 60 });
  await page.getByRole('button', { name: 'Approve' }).click();
  assert.match(await said(page), /session is over/);
  assert.equal(await page.getByLabel('What you wrote').inputValue(), 'Chairs, at last.');
  const [other] = await Promise.all([context.waitForEvent('page'), page.getByRole('link', { name: 'Log in in a new tab' }).click()]);
  await other.waitForLoadState();
  await atIssuer(other, 'bob');
  await page.getByRole('button', { name: 'Press again' }).click();
  assert.match(await said(page), /You approved[\s\S]*Chairs, at last\./);
  await context.close();
});

test('after a logout nothing is shown, neither from memory nor by the old cookie', async () => {
  const { context, page } = await person();
  await enter(page, 'alice', '/mine');
  const old = (await context.cookies(stage.address)).find(({ name }) => name === 'session');
  await page.getByRole('button', { name: 'Log out' }).click();
  assert.equal(new URL(page.url()).pathname, '/login');
  assert.match(await said(page), /logged out/);
  assert.ok((await page.getByRole('link', { name: 'Log out everywhere' }).getAttribute('href')).startsWith(idp.name));
  await context.addCookies([{ ...old, url: undefined }]);
  const answer = await fetch(at('/mine'), { redirect: 'manual', headers: { cookie: `session=${old.value}` } });
  assert.equal(answer.status, 303, 'a stolen cookie is worth nothing');
  await page.goBack();
  assert.doesNotMatch(await page.locator('body').innerText(), /Twelve chairs/);
  assert.match(await said(page), /logged out/, 'the issuer still knows them, and is not asked');
  await page.getByRole('link', { name: 'Log in', exact: true }).click();
  await page.getByText('Twelve chairs').first().waitFor();
  await context.close();
});

test('whoever is named becomes the first administrator, once', async () => {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const own = await issuer(address);
  const empty = await server([...args(own), '--first-admin', 'ann'], port);
  try {
    const { context, page } = await person();
    await page.goto(address);
    await atIssuer(page, 'ann');
    assert.match(await said(page), /Become the administrator[\s\S]*ann/);
    assert.equal(await page.getByLabel('Name').inputValue(), 'ann of the issuer');
    await page.getByRole('button', { name: 'Become the administrator' }).click();
    assert.match(await said(page), /Nothing waits for you/);
    await context.close();
    const second = await person();
    await second.page.goto(address);
    await atIssuer(second.page, 'ben');
    assert.match(await said(second.page), /not known here/i);
    await second.context.close();
  } finally {
    await empty.end();
    await own.end();
  }
});
