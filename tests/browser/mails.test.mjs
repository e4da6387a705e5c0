// Mails as people open them: 360 and 600 px, light and dark; the link in the first screen, nothing too wide, nothing fetched, no violations of
// axe-core, and the text says what the HTML says. `PICTURES=FOLDER` keeps pictures.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, browser, dev, server, violations } from './stage.mjs';

let stage, chrome, mails;

const vote = (address, who, request, step, decision, comment) =>
  api(address, who, 'POST', `/v1/requests/${request.id}/decisions`, { step, decision, comment, payload_hash: request.payload_hash });

before(async () => {
  stage = await server();
  chrome = await browser();
  const at = stage.address;
  const mailed = (type, label) => ({ type, label, mail: true });
  await api(at, 'grace', 'PUT', '/v1/templates/order', {
    key: 'order', title: 'Purchase order of the house', unique_entity: false,
    fields: {
      amount: mailed('number', 'Amount'), currency: mailed('string', 'Currency'), supplier: mailed('string', 'Supplier'),
      owner: mailed('user', 'Owner'), until: mailed('date', 'Needed until'), why: { type: 'string', label: 'Why' },
    },
    amount: { value: 'metadata.amount', currency: 'metadata.currency' },
    steps: [{ id: 'manager', name: 'Manager approval', approvers: [{ manager_of: 'requester' }] }],
  }, ['admin', 'read']);
  const body = {
    template: 'order', entity: { type: 'order', id: 'PO-2001' }, title: 'Twelve chairs for the new meeting rooms on the second floor',
    metadata: { amount: 91234.5, currency: 'EUR', supplier: 'Sit & Stand', owner: 'ivan', until: '2027-01-29', why: 'They broke.' },
  };
  // What the demo left is on its way before anything new is.
  await dev(at, 'drain');
  const asked = await api(at, 'alice', 'POST', '/v1/requests', body);
  await dev(at, 'drain');
  await vote(at, 'bob', asked, 'manager', 'return', 'Which supplier?\nA second quote, please.');
  await dev(at, 'drain');
  const again = await api(at, 'alice', 'POST', `/v1/requests/${asked.id}/resubmit`, {
    title: body.title, metadata: { ...body.metadata, supplier: 'Ikea', amount: 480 }, comment: 'The quote of Ikea is cheaper.',
  });
  await dev(at, 'drain');
  await vote(at, 'bob', again, 'manager', 'approve');
  await dev(at, 'drain');
  const { items } = await (await fetch(`${at}/_dev/outbox`)).json();
  mails = items.filter((item) => item.channel === 'mail' && item.text.includes('PO-2001'));
});

after(async () => {
  await chrome?.close();
  await stage?.end();
});

test('a request is told in these mails', () => {
  assert.deepEqual(mails.map((mail) => `${mail.to.split('@')[0]}: ${mail.subject}`), [
    `bob: ${mails[0].subject}`,
    'alice: [PO-2001] Twelve chairs for the new meeting rooms on the second floor · EUR 91,234.50 · sent back to you',
    `bob: ${mails[2].subject}`,
    'alice: [PO-2001] Twelve chairs for the new meeting rooms on the second floor · EUR 480.00 · approved',
  ]);
  for (const mail of [mails[0], mails[2]]) assert.match(mail.subject, /^\[PO-2001\] Twelve chairs .* · EUR [\d,.]+ · answer by \w{3} \d+ \w{3}( \d{4})?$/);
});

for (const scheme of ['light', 'dark']) {
  for (const width of [360, 600]) {
    test(`each mail, ${scheme}, ${width} px`, async () => {
      const context = await chrome.newContext({ colorScheme: scheme, viewport: { width, height: 740 } });
      const page = await context.newPage();
      const found = [];
      page.on('request', (call) => call.url().startsWith('data:') || call.url() === 'about:blank' || found.push(`a call to ${call.url()}`));
      for (const [index, mail] of mails.entries()) {
        const name = `${index} ${mail.reason}`;
        await page.setContent(mail.html);
        for (const wrong of await violations(page)) found.push(`${name}: ${wrong}`);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (over > 0) found.push(`${name}: ${over} px too wide`);
        const links = page.locator('a');
        if ((await links.count()) !== 1) found.push(`${name}: ${await links.count()} links`);
        const box = await links.first().boundingBox();
        if (!box || box.y + box.height > 740) found.push(`${name}: the link is not in the first screen`);
        if (mail.html.length > 60_000) found.push(`${name}: ${mail.html.length} bytes`);
        const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)[0]);
        if (scheme === 'dark' ? back > 60 : back < 200) found.push(`${name}: the background is ${back}`);
        if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/mail-${index}-${mail.reason}-${scheme}-${width}.png`, fullPage: true });
      }
      await context.close();
      assert.deepEqual(found, []);
    });
  }
}

test('revision 2 says in the mail what was asked, what was answered, and what changed from what to what', () => {
  const { text } = mails[2];
  for (const said of [
    'New to you', 'changed it and submitted it again (revision 2)', 'The quote of Ikea is cheaper.',
    'Supplier: Sit & Stand → Ikea', 'What happened before', 'Which supplier?', 'A second quote, please.',
  ]) assert.ok(text.includes(said), `${said} is missing in ${text}`);
  assert.ok(!text.includes('They broke'), 'a field that is not marked stays on the page');
});

test('mails of one request hold together, say how to end them, and lead nowhere but to one place', async () => {
  const threads = new Set(mails.map((mail) => mail.headers.References));
  assert.equal(threads.size, 1);
  for (const mail of mails) {
    assert.match(mail.headers['List-Unsubscribe'], /^<http:\/\/[^>]+\/preferences>$/);
    assert.equal(mail.headers['List-Unsubscribe-Post'], undefined);
    const links = mail.text.match(/https?:\/\/\S+/g);
    assert.equal(links.length, 1, mail.text);
    const answer = await fetch(links[0].replace(/^http:\/\/[^/]+/, stage.address), { redirect: 'manual' });
    assert.ok([200, 303].includes(answer.status), `${links[0]}: ${answer.status}`);
  }
});
