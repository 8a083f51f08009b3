// A reverse proxy without any memory: every request goes to the node that `choose` names, by turns unless told otherwise.

import { createServer, request as forward } from 'node:http';
import { once } from 'node:events';

export class Crossroads {
  #turn = 0;
  /** (path, number of nodes) → node, or nothing for the next in turn. */
  choose = () => undefined;
  /** What went where: { node, method, path }. */
  seen = [];

  static async start(port, nodes) {
    const self = new Crossroads();
    self.nodes = nodes;
    self.server = createServer((request, response) => self.#pass(request, response));
    self.server.listen(port, '127.0.0.1');
    await once(self.server, 'listening');
    return self;
  }

  #pass(request, response) {
    const path = request.url.split('?')[0];
    const node = this.choose(path) ?? this.#turn++ % this.nodes.length;
    this.seen.push({ node, method: request.method, path });
    const { hostname, port } = new URL(this.nodes[node].url);
    const { method, url, headers } = request;
    const onward = forward({ hostname, port, method, path: url, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on('error', () => response.writeHead(502).end());
    request.pipe(onward);
  }

  /** The nodes that answered a request to `path`. */
  nodesOf(path) {
    return new Set(this.seen.filter((one) => one.path === path).map((one) => one.node));
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
