// Passkeys: forms with data-passkey ask the browser's authenticator and send what it answers. Without script the
// other ways of signing in remain.
"use strict";

function octets(text) {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function text(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (octet) => String.fromCharCode(octet)).join("");
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function described(list) {
  return (list || []).map((entry) => ({ ...entry, id: octets(entry.id) }));
}

function answered(credential) {
  const response = credential.response;
  const members = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const said = {};
  for (const member of members) if (response[member]) said[member] = text(response[member]);
  if (response.getTransports) said.transports = response.getTransports();
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: said,
  };
}

async function create(options, passwordless) {
  const publicKey = { ...options.publicKey };
  publicKey.challenge = octets(publicKey.challenge);
  publicKey.user = { ...publicKey.user, id: octets(publicKey.user.id) };
  publicKey.excludeCredentials = described(publicKey.excludeCredentials);
  publicKey.authenticatorSelection = {
    ...publicKey.authenticatorSelection,
    residentKey: passwordless ? "required" : "discouraged",
    requireResidentKey: passwordless,
    userVerification: passwordless ? "required" : "preferred",
  };
  return answered(await navigator.credentials.create({ publicKey }));
}

async function get(options) {
  const publicKey = { ...options.publicKey };
  publicKey.challenge = octets(publicKey.challenge);
  publicKey.allowCredentials = described(publicKey.allowCredentials);
  return answered(await navigator.credentials.get({ publicKey }));
}

async function options(form) {
  if (form.dataset.passkey !== "sign-in") return JSON.parse(document.getElementById("passkey-options").textContent);
  const answer = await fetch(form.action, { headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" } });
  if (!answer.ok) throw new Error("The server does not answer.");
  return (await answer.json()).request_options;
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) { form.hidden = true; continue; }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = form.querySelector(".hw-passkey__said");
    said.hidden = true;
    try {
      const asked = await options(form);
      const passwordless = form.elements.passwordless ? form.elements.passwordless.checked : false;
      const credential = form.dataset.passkey === "create" ? await create(asked, passwordless) : await get(asked);
      form.elements.credential.value = JSON.stringify(credential);
      form.submit();
    } catch (error) {
      said.textContent = error.name === "NotAllowedError"
        ? "It was cancelled, or this device has no fitting passkey."
        : error.name === "InvalidStateError" ? "This device has a passkey of yours already." : `It did not work: ${error.message}`;
      said.hidden = false;
    }
  });
}
