// Goes through the page as a person does: page.mjs ADDRESS TOKEN FOLDER PLAYWRIGHT
const [address, token, folder, library] = process.argv.slice(2);
const { chromium } = (await import(library)).default;

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light" });
const page = await context.newPage();
const complaints = [];
page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));
const check = (is, what) => { if (!is) throw new Error(what); };
// Not by Playwright's waitForFunction: it evaluates text within the page, which the page forbids.
const waitFor = async (expression, what) => {
  const deadline = Date.now() + 15000;
  while (!await page.evaluate(expression)) {
    check(Date.now() < deadline, `never: ${what}`);
    await page.waitForTimeout(50);
  }
};
const shoot = (name) => page.screenshot({ path: `${folder}/web-${name}.png`, fullPage: true });

await page.goto(address);
await waitFor("document.getElementById('picture').naturalWidth > 0", "the picture is shown");
await waitFor("document.getElementById('caption').textContent === ''", "the caption goes away");
await waitFor("/Looking|Waiting/.test(document.getElementById('state').textContent)", "the state is told");

// Without the token nothing happens, and the person is told so.
await page.getByRole("button", { name: "Pause" }).click();
await page.getByRole("alert").filter({ hasText: "token" }).waitFor();
check(await page.locator("#token").isVisible(), "the token is asked for");
await shoot("desktop-token");
check(complaints.every((text) => text.includes("401")), `complaints: ${complaints.join("; ")}`);
complaints.length = 0;

await page.locator("#token").fill(token);
await page.getByRole("button", { name: "Keep" }).click();
await page.getByRole("button", { name: "Pause" }).click();
await waitFor("document.getElementById('state').textContent === 'Paused'", "it pauses");
check(await page.locator("#pause").textContent() === "Resume", "the button says so");
await shoot("desktop-paused");
await page.getByRole("button", { name: "Resume" }).click();
await waitFor("document.getElementById('state').textContent !== 'Paused'", "it goes on");
await page.getByRole("button", { name: "Home" }).click();
await page.waitForTimeout(300);

// By hand: with the mouse, as long as it is held, and with a key.
const right = page.getByRole("button", { name: "Turn right" });
await right.hover();
await page.mouse.down();
await page.waitForTimeout(900);
await waitFor("/turning/.test(document.getElementById('orientation').textContent)", "it turns");
await page.mouse.up();
await waitFor("!/turning/.test(document.getElementById('orientation').textContent)", "it stops");
await right.focus();
await page.keyboard.down("ArrowUp");
await page.waitForTimeout(400);
await page.keyboard.up("ArrowUp");
await page.waitForTimeout(400);
await waitFor("/ right, .* up/.test(document.getElementById('orientation').textContent)", "it looks elsewhere");
check(complaints.length === 0, `complaints: ${complaints.join("; ")}`);

await waitFor("/Looking/.test(document.getElementById('state').textContent)", "it finds the source");
await shoot("desktop-light");
await page.emulateMedia({ colorScheme: "dark" });
await shoot("desktop-dark");
for (const [width, height, name] of [[390, 844, "phone"], [820, 1180, "tablet"]]) {
  await page.setViewportSize({ width, height });
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForTimeout(150);
    await shoot(`${name}-${scheme}`);
  }
  check(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), `no scrolling sideways on a ${name}`);
}

// Every control has a name, and letters stand out from their ground as WCAG asks (4.5 : 1).
const nameless = await page.evaluate(() => [...document.querySelectorAll("button, input, select, img")]
  .filter((part) => !(part.getAttribute("aria-label") || part.getAttribute("alt") || part.textContent.trim() || part.labels?.length))
  .map((part) => part.outerHTML));
check(nameless.length === 0, `without a name: ${nameless.join(" ")}`);
for (const scheme of ["light", "dark"]) {
  await page.emulateMedia({ colorScheme: scheme });
  const faint = await page.evaluate(() => {
    const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
    const luminance = (colour) => numbers(colour).slice(0, 3).map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
      .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
    const ground = (part) => {
      for (; part; part = part.parentElement) {
        const colour = getComputedStyle(part).backgroundColor;
        if ((numbers(colour)[3] ?? 1) > 0) return colour;
      }
      return "rgb(255, 255, 255)";
    };
    return [...document.querySelectorAll("h1, h2, p, button, dt, dd, li, small, summary, label, .name, .value, .pill")]
      .filter((part) => part.checkVisibility() && part.textContent.trim())
      .map((part) => {
        const [a, b] = [luminance(getComputedStyle(part).color), luminance(ground(part))];
        return [part.textContent.trim().slice(0, 20), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
      }).filter(([, contrast]) => contrast < 4.5);
  });
  check(faint.length === 0, `too faint (${scheme}): ${JSON.stringify(faint)}`);
}

// A trouble is told in words, whatever its length.
await page.setViewportSize({ width: 390, height: 844 });
await page.evaluate(() => {
  events.close();
  const trouble = "hw:CARD=U0x46d0x825,DEV=0 was unplugged; plug it in again, or name another in microphone.device";
  show({ ...last, state: "idle", accepted: false, similarity: null, throttled: true, temperature_celsius: 91,
    stages: last.stages.map((stage, index) => index === 1 ? { ...stage, fresh: false, restarts: 4, trouble } : stage) });
});
check(await page.getByText("was unplugged").isVisible(), "the trouble is told");
check(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a long word fits");
await shoot("phone-trouble");
await browser.close();
