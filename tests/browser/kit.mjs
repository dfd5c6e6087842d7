// What every browser test needs: a Chromium, contexts that only talk to the program, signing in,
// screenshots and an axe run. Used by ux-check.mjs and by the *.test.mjs files in this folder.
// The browser is the Debian one (CHROMIUM to override); nothing is downloaded.

import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

/** The widths that every page is looked at, in CSS pixels (ux E). */
export const WIDTHS = [360, 768, 1440];

/** The rule sets of axe-core that must have no violation. */
export const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Starts the browser; the caller closes it. */
export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--headless', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

/**
 * A fresh browser context at one width; below 768 it is a touch phone.
 * `cookie` is a Cookie header for `base`; further options go to the browser as they are.
 */
export async function context(browser, { base, width = 1440, cookie = '', ...more } = {}) {
  const phone = width < 768;
  const made = await browser.newContext({
    viewport: { width, height: phone ? 740 : 900 }, isMobile: phone, hasTouch: phone,
    locale: 'zh-CN', timezoneId: 'Asia/Shanghai', bypassCSP: false, ...more,
  });
  const pairs = cookie.split(';').map(c => c.trim()).filter(Boolean).map(c => c.split('='));
  if (pairs.length) {
    await made.addCookies(pairs.map(([name, ...value]) => ({ name, value: value.join('='), url: base })));
  }
  return made;
}

/**
 * Signs in through the real form, as a person would, and returns the page where that led.
 * Throws with the words of the error summary when the program refuses.
 */
export async function signIn(page, base, idNumber, password) {
  await page.goto(`${base}/login`);
  await page.fill('input[name=id_number]', idNumber);
  await page.fill('input[name=password]', password);
  await Promise.all([
    page.waitForLoadState('load'),
    page.click('main form button[type=submit]'),
  ]);
  await page.waitForFunction(() => location.pathname !== '/login' || document.querySelector('.summary'));
  if (new URL(page.url()).pathname === '/login') {
    throw new Error(`sign-in refused: ${await page.locator('.summary').innerText()}`);
  }
  return page;
}

/** The session cookies of a context as one Cookie header. */
export const cookieHeader = async (made, base) =>
  (await made.cookies(base)).map(c => `${c.name}=${c.value}`).join('; ');

/** Saves a picture (of the full page, unless said otherwise) below shots/ and returns its file name. */
export async function shot(page, name, folder = 'shots', how = { fullPage: true }) {
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${name.replace(/[^\w-]+/g, '_')}.png`);
  await page.screenshot({ path: file, ...how });
  return file;
}

/**
 * Runs axe-core on the page as it is and returns one line per violation.
 * The library goes in through the debugging channel, so the page's own CSP stays in force.
 */
export async function axe(page, tags = AXE_TAGS) {
  await page.evaluate(AXE);
  return page.evaluate(async values => {
    const { violations } = await globalThis.axe.run({ runOnly: { type: 'tag', values } });
    return violations.map(v => `${v.id}[${v.impact}]×${v.nodes.length} ${v.nodes.slice(0, 3).map(n => n.target).join(' | ')}`);
  }, tags);
}

/** Console errors, CSP refusals and uncaught exceptions of a page, collected from now on. */
export function mistakes(page) {
  const found = [];
  page.on('pageerror', e => found.push(String(e)));
  page.on('console', m => { if (m.type() === 'error') found.push(m.text()); });
  return found;
}
