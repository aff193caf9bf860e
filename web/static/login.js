// Browsers drop Secure cookies on plain http beyond this machine: say so before somebody tries in vain.
if (!window.isSecureContext) document.getElementById("insecure").hidden = false;
