// Sends the form that only leads on. Without scripts the person presses its button.
document.querySelector("form[data-submit]")?.submit();
