// How every page looks: axe-core without violations, both themes, two widths; no byte from elsewhere; what matters is in the first screen.

import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { after, before, test } from 'node:test';
import { api, browser, dev, login, server, violations } from './stage.mjs';

let stage, chrome, requests;

before(async () => {
  stage = await server();
  chrome = await browser();
  await dev(stage.address, 'drain');
  requests = (await api(stage.address, 'alice', 'GET', '/v1/requests?limit=100')).items;
});

after(async () => {
  await chrome?.close();
  await stage?.end();
});

const named = (title) => `/requests/${requests.find((request) => request.title === title).id}`;

/** Whose page, and which. */
const pages = () => [
  ['Bob Martin', '/'],
  ['Uma Flores', '/'],
  ['Alice Lee', '/mine'],
  ['Bob Martin', '/decided'],
  ['Ivan Petrov', '/decided'],
  ['Alice Lee', '/find?q=PO-1042'],
  ['Alice Lee', '/new'],
  ['Alice Lee', '/new/purchase_order'],
  ['Alice Lee', '/new/access_request'],
  ['Bob Martin', named('Twelve chairs for the new meeting rooms')],
  ['Alice Lee', named('Espresso machine for the second floor')],
  ['Alice Lee', named('Whiteboards')],
  ['Alice Lee', `${named('Whiteboards')}/edit`],
  ['Bob Martin', '/delegations'],
  ['Bob Martin', '/preferences'],
  ['Bob Martin', '/nothing/here'],
  [null, '/login'],
];

for (const scheme of ['light', 'dark']) {
  for (const width of [360, 1280]) {
    test(`every page, ${scheme}, ${width} px`, async () => {
      const found = [];
      const context = await chrome.newContext({ colorScheme: scheme, viewport: { width, height: 640 } });
      const page = await context.newPage();
      page.on('console', (line) => line.type() === 'error' && !/status of 404/.test(line.text()) && found.push(line.text()));
      page.on('request', (call) => call.url().startsWith(stage.address) || found.push(`a call to ${call.url()}`));
      let who;
      for (const [name, path] of pages()) {
        if (name && name !== who) await login(page, stage.address, (who = name));
        await page.goto(stage.address + path);
        for (const wrong of await violations(page)) found.push(`${path} as ${name}: ${wrong}`);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (over > 0) found.push(`${path} as ${name}: ${over} px too wide`);
        if (await page.locator('[style]').count()) found.push(`${path}: a style attribute`);
        if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${shot(path)}-${who}-${width}-${scheme}.png` });
      }
      await context.close();
      assert.deepEqual(found, []);
    });
  }
}

const shot = (path) => path.replace(/[0-9a-z]{26}/g, (id) => requests.find((request) => request.id === id).title.slice(0, 8)).replace(/[^a-zA-Z]+/g, '_');

test('on a phone who, how much, by when and the buttons are in the first screen', async () => {
  const context = await chrome.newContext({ viewport: { width: 360, height: 740 } });
  const page = await context.newPage();
  await login(page, stage.address, 'Bob Martin');
  await page.goto(stage.address + named('Twelve chairs for the new meeting rooms'));
  const inside = async (what) => {
    const box = await what.boundingBox();
    return box && box.y >= 0 && box.y + box.height <= 740;
  };
  for (const what of [
    page.getByText('EUR 4,800.00').first(),
    page.getByText('Alice Lee').first(),
    page.locator('.lead time'),
    page.getByRole('button', { name: 'Approve' }),
    page.getByRole('button', { name: 'Send back' }),
    page.getByRole('button', { name: 'Reject' }),
  ]) {
    assert.ok(await inside(what), `${what} is below the first screen`);
  }
  await context.close();
});

test('200 % zoom, forced colours and paper lose nothing', async () => {
  const context = await chrome.newContext({ viewport: { width: 640, height: 400 }, forcedColors: 'active' });
  const page = await context.newPage();
  await login(page, stage.address, 'Bob Martin');
  await page.goto(stage.address + named('Twelve chairs for the new meeting rooms'));
  assert.ok(await page.getByRole('button', { name: 'Approve' }).isVisible());
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
  await page.emulateMedia({ media: 'print' });
  assert.ok(!(await page.getByRole('button', { name: 'Approve' }).isVisible()));
  assert.ok(await page.getByText('Müller & Söhne GmbH').first().isVisible());
  await context.close();
});

test('25 tasks are at most 30 kB', async () => {
  for (let n = 0; n < 25; n++) {
    const metadata = { amount: 480 + n, currency: 'EUR', supplier: `Supplier number ${n} Limited` };
    const body = { template: 'purchase_order', entity: { type: 'order', id: `KB-${n}` }, title: `Request number ${n} for the front desk.`, metadata };
    await api(stage.address, 'alice', 'POST', '/v1/requests', body);
  }
  await dev(stage.address, 'drain');
  const context = await chrome.newContext();
  const page = await context.newPage();
  await login(page, stage.address, 'Bob Martin');
  const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const answer = await fetch(stage.address + '/', { headers: { cookie, 'accept-encoding': 'identity' } });
  const html = await answer.text();
  assert.equal(html.match(/<li><h2>/g).length, 25);
  const bytes = gzipSync(html, { level: 1 }).length;
  console.log(`# / with 25 tasks: ${bytes} bytes compressed`);
  assert.ok(bytes <= 30_000, `${bytes} bytes`);
  await context.close();
});
