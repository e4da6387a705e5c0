// The page behind an action link: its buttons in a phone's first screen, both themes, no violations of axe-core, and a rejection asked about
// once more with scripts switched off. `PICTURES=FOLDER` keeps pictures.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, browser, dev, server, violations } from './stage.mjs';

let stage, chrome, link;

const mailed = (type, label) => ({ type, label, mail: true });
const template = {
  key: 'order', title: 'Purchase order of the house', unique_entity: false,
  fields: {
    amount: mailed('number', 'Amount'), currency: mailed('string', 'Currency'), supplier: mailed('string', 'Supplier'),
    owner: mailed('user', 'Owner'), until: mailed('date', 'Needed until'),
    kind: { type: 'string', label: 'Kind' }, why: { type: 'string', label: 'Why it is needed, in a label of some length' },
    places: { type: 'list', label: 'Places' }, more: { type: 'object', label: 'More' }, urgent: { type: 'boolean', label: 'Urgent' },
  },
  field_order: ['amount', 'currency', 'supplier', 'owner', 'until', 'kind', 'why', 'places', 'more', 'urgent'],
  amount: { value: 'metadata.amount', currency: 'metadata.currency' },
  steps: [{ id: 'manager', name: 'Manager approval', approvers: [{ manager_of: 'requester' }], meaning: 'budget approval' }],
};

before(async () => {
  stage = await server();
  chrome = await browser();
  await api(stage.address, 'grace', 'PUT', '/v1/templates/order', template, ['admin', 'read']);
  const metadata = {
    amount: 91234.5, currency: 'EUR', supplier: 'Sit & Stand', owner: 'ivan', until: '2027-01-29', kind: 'furniture',
    why: 'The old chairs broke.\nThe new ones have a warranty of ten years, and the supplier takes the old ones back.',
    places: ['Second floor', 'Third floor'], more: { delivery: { days: 12, by: ['van', 'bike'] } }, urgent: false,
  };
  const attachments = [{
    name: 'quote.pdf', media_type: 'application/pdf', size: 182400, sha256: 'ab'.repeat(32), url: 'https://files.example.com/quote.pdf',
  }];
  const body = {
    template: 'order', entity: { type: 'order', id: 'PO-2001' }, title: 'Twelve chairs for the new meeting rooms on the second floor', metadata, attachments,
  };
  await api(stage.address, 'alice', 'POST', '/v1/requests', body);
  await dev(stage.address, 'drain');
  const { items } = await (await fetch(`${stage.address}/_dev/outbox`)).json();
  const mail = items.filter((item) => item.text.includes('Twelve chairs for the new')).at(-1);
  link = stage.address + mail.text.match(/\/v1\/actions\/[\w-]+/)[0];
});

after(async () => {
  await chrome?.close();
  await stage?.end();
});

for (const scheme of ['light', 'dark']) {
  for (const [width, height] of [[360, 740], [1280, 800]]) {
    test(`the page of a link, ${scheme}, ${width} px`, async () => {
      const context = await chrome.newContext({ colorScheme: scheme, viewport: { width, height }, javaScriptEnabled: true });
      const page = await context.newPage();
      await page.goto(link);
      const found = await violations(page);
      for (const name of ['Approve', 'Send back', 'Reject']) {
        const box = await page.getByRole('button', { name }).boundingBox();
        if (box.y + box.height > height) found.push(`${name} ends at ${box.y + box.height}`);
      }
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) found.push(`${over} px too wide`);
      const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)[0]);
      if (scheme === 'dark' ? back > 60 : back < 200) found.push(`the background is ${back}`);
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/link-${scheme}-${width}.png`, fullPage: true });
      await page.getByRole('button', { name: 'Reject' }).click();
      found.push(...(await violations(page)));
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/reject-${scheme}-${width}.png`, fullPage: true });
      assert.deepEqual(found, []);
      await context.close();
    });
  }
}

test('a rejection is asked about once more, with scripts switched off, and kept open by a link', async () => {
  const page = await (await chrome.newContext({ javaScriptEnabled: false })).newPage();
  await page.goto(link);
  await page.getByLabel(/Comment/).fill('Too dear');
  await page.getByRole('button', { name: 'Reject' }).click();
  assert.equal(await page.locator('h1').innerText(), 'Reject this?');
  assert.equal(await page.locator('textarea').inputValue(), 'Too dear');
  await page.getByRole('link', { name: 'Keep it open' }).click();
  assert.equal(await page.locator('h1').innerText(), 'Your answer is needed');
  await page.getByLabel(/Comment/).fill('Too dear');
  await page.getByRole('button', { name: 'Reject' }).click();
  await page.getByRole('button', { name: 'Reject' }).click();
  assert.match(await page.locator('main').innerText(), /Your answer is recorded/);
});
