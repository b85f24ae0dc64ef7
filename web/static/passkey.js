// Passkeys: hands the browser what the page says, and sends back what the authenticator answers.
// Nothing is decided here, and nothing is kept. W3C Web Authentication Level 3 §5.1.
'use strict';
(() => {
  const form = document.getElementById('passkey');
  const button = document.getElementById('passkey-start');
  const told = document.getElementById('passkey-told');
  if (!form || !button || !told) return;
  const say = (word) => {
    for (const one of told.children) one.hidden = one.dataset.word !== word;
  };
  if (!window.PublicKeyCredential || !navigator.credentials) {
    say('unsupported');
    return;
  }

  const toBytes = (text) => {
    const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(plain, (c) => c.charCodeAt(0));
  };
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const credentials = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));

  const options = JSON.parse(form.dataset.options);
  options.challenge = toBytes(options.challenge);
  const creates = form.dataset.ceremony === 'create';
  if (creates) {
    options.user.id = toBytes(options.user.id);
    options.excludeCredentials = credentials(options.excludeCredentials);
  } else {
    options.allowCredentials = credentials(options.allowCredentials);
  }

  const answerOf = (made) => {
    const { response } = made;
    const out = { clientDataJSON: toText(response.clientDataJSON) };
    if (creates) {
      out.attestationObject = toText(response.attestationObject);
      out.transports = response.getTransports ? response.getTransports() : [];
    } else {
      out.authenticatorData = toText(response.authenticatorData);
      out.signature = toText(response.signature);
      if (response.userHandle && response.userHandle.byteLength > 0) {
        out.userHandle = toText(response.userHandle);
      }
    }
    const id = toText(made.rawId);
    return JSON.stringify({ type: made.type, id, rawId: id, response: out, clientExtensionResults: {} });
  };

  const ask = async () => {
    button.disabled = true;
    say('waiting');
    try {
      const made = creates
        ? await navigator.credentials.create({ publicKey: options })
        : await navigator.credentials.get({ publicKey: options });
      form.elements.answer.value = answerOf(made);
      form.submit();
    } catch (failure) {
      say(failure.name === 'InvalidStateError' ? 'known' : 'failed');
      button.disabled = false;
    }
  };
  button.addEventListener('click', ask);
  button.hidden = false;
  say('ready');
})();
