// The little that is read from XML without a library: metadata that the broker wrote.

/** The text of the first element with this local name. */
export function firstOf(xml, name) {
  const found = new RegExp(`<(?:\\w+:)?${name}\\b[^>]*>([^<]*)<`).exec(xml);
  if (!found) throw new Error(`no ${name}`);
  return found[1].replace(/\s/g, '');
}

/** Where a service provider takes logout messages by this binding, if it does. */
export function logoutAddress(metadata, binding) {
  const elements = metadata.match(/<(?:\w+:)?SingleLogoutService\b[^>]*>/g) ?? [];
  const element = elements.find((one) => one.includes(`Binding="${binding}"`));
  return element && /Location="([^"]*)"/.exec(element)[1];
}
