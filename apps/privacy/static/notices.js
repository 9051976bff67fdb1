// Turns notices in this browser on, and tells which of those that are on is this one.
"use strict";

const part = document.getElementById("notices-here");
const on = document.getElementById("turn-on");
const able = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
const base64url = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function say(what) {
  for (const one of part.querySelectorAll("[data-said]")) one.hidden = one.dataset.said !== what;
}

async function hash(endpoint) {
  const found = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint));
  return [...new Uint8Array(found)].map((one) => one.toString(16).padStart(2, "0")).join("");
}

async function subscribed() {
  const worker = await navigator.serviceWorker.register(part.dataset.worker, { scope: part.dataset.scope });
  await navigator.serviceWorker.ready;
  const before = await worker.pushManager.getSubscription();
  // One that was made with another key takes nothing from this site any more.
  if (before && base64url(before.options.applicationServerKey) !== part.dataset.key) await before.unsubscribe();
  return worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(part.dataset.key) });
}

async function turnOn(event) {
  event.preventDefault();
  say("");
  if ((await Notification.requestPermission()) !== "granted") return say("denied");
  try {
    const made = await subscribed();
    on.elements.endpoint.value = made.endpoint;
    on.elements.key.value = base64url(made.getKey("p256dh"));
    on.elements.secret.value = base64url(made.getKey("auth"));
    on.submit();
  } catch (error) {
    console.error(error);
    say("failed");
  }
}

async function here() {
  const worker = await navigator.serviceWorker.getRegistration(part.dataset.scope);
  const subscription = await worker?.pushManager.getSubscription();
  if (!subscription) return null;
  const own = await hash(subscription.endpoint);
  return part.querySelector(`[data-browser="${own}"]`);
}

if (!able) {
  say("unable");
} else {
  on.addEventListener("submit", turnOn);
  here()
    .catch(() => null) // a browser that cannot say which one it is can be turned on all the same
    .then((row) => {
      on.hidden = row !== null;
      if (row) row.querySelector("[data-here]").hidden = false;
    });
}
