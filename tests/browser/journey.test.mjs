// The whole journey of a request, as people go it, with scripts switched off.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, browser, dev, login, server } from './stage.mjs';

let stage, chrome, context, page;

before(async () => {
  stage = await server();
  chrome = await browser();
  context = await chrome.newContext({ javaScriptEnabled: false });
  page = await context.newPage();
});

after(async () => {
  await chrome?.close();
  await stage?.end();
});

const at = (path) => stage.address + path;
const drained = () => dev(stage.address, 'drain');
const open = async (title) => {
  await drained();
  await page.goto(at('/'));
  await page.getByRole('link', { name: title }).first().click();
};
const text = (locator = page.locator('main')) => locator.innerText();

/** Asks for a purchase as Alice; answers with the address of its page. */
async function ask(title, id, amount = '480', supplier = '') {
  await login(page, stage.address, 'Alice Lee');
  await page.goto(at('/new/purchase_order'));
  await page.getByLabel('What it is, in one line').fill(title);
  await page.getByLabel('Its number or name').fill(id);
  await page.getByLabel('Amount').fill(amount);
  await page.getByLabel('Currency').selectOption('EUR');
  if (supplier) await page.getByLabel('Supplier').fill(supplier);
  await page.getByRole('button', { name: 'Submit' }).click();
  return page.url();
}

test('somebody who has never seen it asks, another approves, and both find it', async () => {
  await page.goto(stage.address);
  await page.getByRole('button', { name: /^Alice Lee/ }).click();
  await page.getByRole('link', { name: 'New', exact: true }).click();
  await page.getByRole('link', { name: 'Purchase order' }).click();
  await page.getByLabel('What it is, in one line').fill('Two chairs');
  await page.getByLabel('Amount').fill('480');
  await page.getByLabel('Currency').selectOption('EUR');
  await page.getByRole('button', { name: 'Show who decides first' }).click();
  assert.match(await text(), /This is what would happen[\s\S]*EUR 480\.00[\s\S]*Bob Martin/);
  assert.equal(await page.getByLabel('What it is, in one line').inputValue(), 'Two chairs', 'the form is as it was');
  await page.getByRole('button', { name: 'Submit' }).click();
  assert.match(page.url(), /\/requests\/[0-9a-z]{26}$/);
  assert.match(await text(), /waits for Bob Martin/);
  assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0, 'nobody approves their own request');
  await page.getByRole('button', { name: 'Log out' }).click();
  assert.equal(new URL(page.url()).pathname, '/login');

  await page.getByRole('button', { name: /^Bob Martin/ }).click();
  await open('Two chairs');
  await page.getByRole('button', { name: 'Approve' }).click();
  assert.match(await text(), /You approved on [\s\S]*waits for somebody of legal/);
  await drained();
  await page.getByRole('link', { name: 'Decided' }).click();
  assert.match(await text(), /Two chairs/);
  await page.getByRole('button', { name: 'Log out' }).click();

  await page.getByRole('button', { name: /^Heidi Novak/ }).click();
  await open('Two chairs');
  await page.getByRole('button', { name: 'Approve' }).click();
  assert.match(await text(), /It is approved, by Heidi Novak/);
  await page.getByRole('button', { name: 'Log out' }).click();

  await page.getByRole('button', { name: /^Alice Lee/ }).click();
  await page.getByRole('link', { name: 'Mine' }).click();
  const row = page.getByRole('listitem').filter({ hasText: 'Two chairs' });
  assert.match(await text(row), /approved/);
});

test('rejecting asks once more, and the requester reads why', async () => {
  const address = await ask('A third monitor', 'PO-R1');
  await login(page, stage.address, 'Bob Martin');
  await open('A third monitor');
  await page.getByLabel('Comment').first().fill('Two are enough.\nReally.');
  await page.getByRole('button', { name: 'Reject' }).click();
  assert.match(await text(), /Reject this\?[\s\S]*A third monitor/);
  await page.getByRole('link', { name: 'Keep it open' }).click();
  assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 1, 'nothing was decided');
  await page.getByLabel('Comment').first().fill('Two are enough.\nReally.');
  await page.getByRole('button', { name: 'Reject' }).click();
  assert.equal(await page.getByLabel('Why').inputValue(), 'Two are enough.\nReally.', 'the words are kept');
  await page.getByRole('button', { name: 'Reject', exact: true }).click();
  assert.match(await text(), /It is rejected/);
  await login(page, stage.address, 'Alice Lee');
  await page.goto(address);
  assert.match(await text(), /Bob Martin rejected[\s\S]*Two are enough\.\s+Really\./);
});

test('what was sent back is changed and submitted again, and says what is new', async () => {
  const address = await ask('A desk', 'PO-B1', '900');
  await login(page, stage.address, 'Bob Martin');
  await open('A desk');
  await page.getByLabel('Comment').first().fill('From whom?');
  await page.getByRole('button', { name: 'Send back' }).click();
  assert.match(await text(), /It is with Alice Lee again/);
  await login(page, stage.address, 'Alice Lee');
  await drained();
  await page.goto(at('/'));
  await page.getByRole('link', { name: 'A desk' }).first().click();
  await page.getByRole('link', { name: 'Change it and submit it again' }).first().click();
  assert.match(await text(), /Bob Martin sent it back[\s\S]*From whom\?/);
  assert.equal(await page.getByLabel('Amount').inputValue(), '900', 'what stood there stands there');
  await page.getByLabel('Supplier').fill('Müller & Söhne');
  await page.getByLabel('What changed').fill('From Müller.');
  await page.getByRole('button', { name: 'Submit' }).click();
  assert.equal(page.url(), address);
  await login(page, stage.address, 'Bob Martin');
  await open('A desk');
  assert.match(await text(), /New to you[\s\S]*Alice Lee changed it[\s\S]*From Müller\./);
  await page.getByRole('button', { name: 'Approve' }).click();
  assert.match(await text(), /You approved/);
});

test('words come back with whatever is not taken', async () => {
  await login(page, stage.address, 'Alice Lee');
  await page.goto(at('/new/purchase_order'));
  await page.getByLabel('What it is, in one line').fill('Ink');
  await page.getByLabel('Amount').fill('1,250');
  await page.getByLabel('Currency').selectOption('USD');
  await page.getByRole('button', { name: 'Submit' }).click();
  assert.match(await text(page.getByRole('alert')), /Amount: a number is wanted/);
  assert.equal(await page.getByLabel('Amount').inputValue(), '1,250');
  assert.equal(await page.getByLabel('What it is, in one line').inputValue(), 'Ink');
  await page.getByRole('alert').getByRole('link').first().click();
  assert.match(page.url(), /#field\.amount$/, 'the summary leads to the field');

  await ask('Paper', 'PO-W1');
  const talk = page.getByLabel('Say something to those concerned');
  const words = 'x'.repeat(3998) + '\n';
  await talk.fill(words + 'y');
  await page.getByRole('button', { name: 'Comment' }).click();
  assert.match(await text(), /Alice Lee said/, 'a line break is one character');
});

test('a page opened before and posted after somebody else decided explains itself', async () => {
  const address = await ask('Cables', 'PO-S1');
  await login(page, stage.address, 'Bob Martin');
  await page.goto(address);
  await api(stage.address, 'alice', 'POST', `/v1/requests/${address.split('/').pop()}/cancel`, {});
  await page.getByLabel('Comment').first().fill('Fine with me.');
  await page.getByRole('button', { name: 'Approve' }).click();
  assert.match(await text(page.getByRole('alert')), /not taken[\s\S]*cancelled/i);
  assert.match(await text(), /It is cancelled/);
});

test('a seat is passed on, and a request is cancelled', async () => {
  const address = await ask('A projector', 'PO-P1');
  await login(page, stage.address, 'Bob Martin');
  await page.goto(address);
  await page.getByText('Pass it on to somebody else').click();
  await page.getByLabel('To (name or id)').fill('Nobody Known');
  await page.locator('#reason').fill('I am away.');
  await page.getByRole('button', { name: 'Pass it on' }).click();
  assert.match(await text(page.getByRole('alert')), /Nobody here is called/);
  assert.equal(await page.locator('#reason').inputValue(), 'I am away.');
  await page.getByLabel('To (name or id)').fill('Carol Jansen');
  await page.getByRole('button', { name: 'Pass it on' }).click();
  assert.match(await text(), /waits for Carol Jansen/);
  await login(page, stage.address, 'Alice Lee');
  await page.goto(address);
  await page.getByText('Cancel it').click();
  await page.getByRole('button', { name: 'Cancel the request' }).click();
  assert.match(await text(), /It is cancelled/);
});

test('a stand-in is named and ended; a colour and a zone are chosen; a session is ended', async () => {
  await login(page, stage.address, 'Bob Martin');
  await page.goto(at('/delegations'));
  await page.getByLabel('Who (name or id)').fill('Erin Sato');
  await page.getByLabel('To and including').fill('2020-01-01');
  await page.locator('#reason').fill('Holiday');
  await page.getByRole('button', { name: 'Name the stand-in' }).click();
  assert.match(await text(page.getByRole('alert')), /last day/i);
  await page.getByLabel('To and including').fill('2035-01-05');
  await page.getByRole('button', { name: 'Name the stand-in' }).click();
  assert.match(await text(), /Erin Sato[\s\S]*5 January 2035[\s\S]*Holiday/);
  await page.getByRole('button', { name: /^End it/ }).click();
  assert.match(await text(), /Nobody\. When you are away/);

  await page.goto(at('/preferences'));
  await page.getByLabel('dark').check();
  await page.getByLabel(/^Time zone/).fill('Mars/Olympus');
  await page.getByRole('button', { name: 'Save' }).click();
  assert.match(await text(page.getByRole('alert')), /not known/);
  await page.getByLabel(/^Time zone/).fill('Asia/Tokyo');
  await page.getByRole('button', { name: 'Save' }).click();
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');

  const other = await chrome.newContext({ javaScriptEnabled: false });
  const there = await other.newPage();
  await login(there, stage.address, 'Bob Martin');
  await page.goto(at('/preferences'));
  await page.getByRole('button', { name: /^End it/ }).first().click();
  await there.goto(at('/mine'));
  assert.equal(new URL(there.url()).pathname, '/login', 'the ended session shows nothing');
  await other.close();
});

test('a request is found by what it is about', async () => {
  await ask('A lamp', 'LAMP-77');
  await drained();
  await page.goto(at('/find'));
  await page.getByLabel(/^Id of a request/).fill('LAMP-77');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByRole('link', { name: 'A lamp' }).click();
  assert.match(page.url(), /\/requests\//);
  await page.goto(at('/find?q=nothing-like-it'));
  assert.match(await text(), /Nothing found/);
  await login(page, stage.address, 'Heidi Novak');
  await page.goto(at('/find?q=LAMP-77'));
  assert.match(await text(), /Nothing found/, 'who may not see it does not find it');
});

test('the keyboard alone is enough', async () => {
  await ask('A keyboard', 'PO-K1');
  await login(page, stage.address, 'Bob Martin');
  await open('A keyboard');
  const focused = () => page.locator(':focus');
  await page.keyboard.press('Tab');
  assert.equal(await focused().innerText(), 'Skip to the content');
  await page.keyboard.press('Enter');
  for (let press = 0; press < 12; press++) {
    await page.keyboard.press('Tab');
    if ((await focused().count()) && (await focused().evaluate((at) => at.textContent)) === 'Approve') break;
  }
  const outline = await focused().evaluate((at) => getComputedStyle(at).outlineStyle);
  assert.notEqual(outline, 'none', 'what has the focus shows it');
  assert.equal(await focused().innerText(), 'Approve');
  // A key, unlike a click, does not wait for the page that it leads to.
  await page.keyboard.press('Enter');
  await page.getByText('You approved').first().waitFor();
});

test('words of people act on nothing', async () => {
  const nasty = '<b>x</b> <script>alert(1)</script> \u202e000,1 EUR שלום 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ' + 'w'.repeat(60);
  const address = await ask(nasty.slice(0, 190), 'PO-N1', '5', '"><img src=x onerror=alert(1)>' + 'v'.repeat(4000));
  assert.equal(await page.locator('main b, main img, main script').count(), 0);
  assert.doesNotMatch(await text(), /\u202e/, 'an override is made visible');
  await page.setViewportSize({ width: 360, height: 640 });
  const wide = await page.locator('html').evaluate((root) => root.scrollWidth);
  assert.ok(wide <= 360, `${wide} px wide at 360`);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(address);
});
