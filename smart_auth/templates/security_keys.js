// Lets the browser make a security key, or have one sign: the form's `data-make` or `data-sign` says what is wanted.
"use strict";
for (const form of document.querySelectorAll("form[data-make], form[data-sign]")) {
  const { make, sign } = form.dataset;
  if (!globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    const field = form.elements.credential;
    if (field.value) return;
    event.preventDefault();
    try {
      const credential = make
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(make)) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(sign)) });
      field.value = JSON.stringify(credential.toJSON());
      form.requestSubmit();
    } catch (error) {
      form.querySelector("[role=alert]").hidden = false;
    }
  });
}
