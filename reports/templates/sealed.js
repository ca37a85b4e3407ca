"use strict";
(() => {
  const form = document.getElementById("form");
  const field = document.getElementById("passphrase");
  const shown = document.getElementById("shown");
  const status = document.getElementById("status");
  const said = (name) => document.getElementById("say-" + name).textContent;
  const sealed = document.getElementById("sealed").dataset;
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  // One part after the other, so that a page that is read aloud says each of them.
  const tell = (text, wrong) => {
    status.textContent = text;
    field.setAttribute("aria-invalid", wrong ? "true" : "false");
  };

  const open = async (passphrase) => {
    const words = new TextEncoder().encode(passphrase.trim().normalize("NFC"));
    const base = await crypto.subtle.importKey("raw", words, "PBKDF2", false, ["deriveKey"]);
    const cost = { name: "PBKDF2", hash: "SHA-256", salt: bytes(sealed.salt), iterations: Number(sealed.iterations) };
    const key = await crypto.subtle.deriveKey(cost, base, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
    const how = { name: "AES-GCM", iv: bytes(sealed.nonce) };
    return new TextDecoder().decode(await crypto.subtle.decrypt(how, key, bytes(sealed.closed)));
  };

  // Parsed apart, where no script runs; then its root takes the place of this one's. The policy of this
  // document stays in force, and the page brings its own, which allows no script at all.
  const show = (html) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    page.querySelectorAll("script").forEach((script) => script.remove());
    document.replaceChild(document.adoptNode(page.documentElement), document.documentElement);
    const heading = document.querySelector("h1");
    if (heading) {
      heading.tabIndex = -1;
      heading.focus();
    }
    scrollTo(0, 0);
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.dataset.busy) {
      return;
    }
    form.dataset.busy = "yes";
    tell(said("opening"), false);
    try {
      show(await open(field.value));
    } catch {
      tell(said("wrong"), true);
      field.focus();
      field.select();
    } finally {
      delete form.dataset.busy;
    }
  });
  shown.addEventListener("change", () => {
    field.type = shown.checked ? "text" : "password";
  });

  if (globalThis.crypto && crypto.subtle) {
    form.hidden = false;
    field.focus();
  } else {
    tell(said("old"), false);
  }
})();
