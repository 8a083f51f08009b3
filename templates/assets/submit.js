// Leads on from a page that only leads on, once it and its frames are there, or after three seconds. Without
// scripts the person presses its button.
const onward = document.querySelector("[data-submit]");
let led = false;
function lead() {
  if (led || !onward) return;
  led = true;
  if (onward instanceof HTMLFormElement) onward.submit();
  else onward.click();
}
if (document.readyState === "complete") lead();
else addEventListener("load", lead);
setTimeout(lead, 3000);
