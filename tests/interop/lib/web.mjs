// The few lines of HTTP that the small servers here share.

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
export const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (one) => ENTITIES[one]);

export function sendPage(response, status, body) {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Interop</title>${body}</html>`);
}

export function sendJson(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value, null, 2));
}

export async function readForm(request) {
  let body = '';
  for await (const piece of request) body += piece;
  return Object.fromEntries(new URLSearchParams(body));
}
