// Shows a notice that comes while no page of the app is open. One that comes again stands in the place of the first.
"use strict";

self.addEventListener("push", (event) => {
  const { title, text, tag } = event.data.json();
  event.waitUntil(self.registration.showNotification(title, { body: text, tag, lang: "pt-BR" }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(self.registration.scope));
});
