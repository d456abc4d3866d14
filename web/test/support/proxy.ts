// A wire that can be cut: bytes pass between browser and server, late, in pieces, or not at all.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Proxy {
  url: string;
  /** Where the bytes go. */
  target: { port: number };
  /** How long each piece is held back, in milliseconds. */
  delayMs: number;
  /** New connections are refused while it is set. */
  isDown: boolean;
  /** Hears how many bytes a piece from a browser has, while it is set. */
  onBytes: ((bytes: number) => void) | null;
  /** Ends every open connection, each after half of whatever comes next: frames break in the middle. */
  cut: () => void;
  /** Ends every open connection at once. */
  drop: () => void;
  close: () => Promise<void>;
}

/** Starts one on a free port. */
export async function startProxy(): Promise<Proxy> {
  const open = new Set<Socket>();
  let cutting = new Set<Socket>();
  const server = createServer((client) => {
    if (proxy.isDown) return void client.destroy();
    const upstream = connect(proxy.target.port, '127.0.0.1');
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      open.delete(client);
      cutting.delete(client);
    };
    open.add(client);
    const carry = (from: Socket, to: Socket): void => {
      from.on('data', (bytes: Buffer) => {
        if (from === client) proxy.onBytes?.(bytes.length);
        const isCut = cutting.has(client) && from === upstream;
        const piece = isCut ? bytes.subarray(0, bytes.length >> 1) : bytes;
        const send = (): void => {
          if (!to.destroyed) to.write(piece);
          if (isCut) setImmediate(end);
        };
        if (proxy.delayMs > 0) setTimeout(send, proxy.delayMs);
        else send();
      });
      from.on('error', end);
      from.on('close', () => (proxy.delayMs > 0 ? setTimeout(end, proxy.delayMs) : end()));
    };
    carry(client, upstream);
    carry(upstream, client);
  });
  const proxy: Proxy = {
    url: '',
    target: { port: 0 },
    delayMs: 0,
    isDown: false,
    onBytes: null,
    cut: () => (cutting = new Set(open)),
    drop: () => open.forEach((socket) => socket.destroy()),
    close: () =>
      new Promise((resolve) => {
        proxy.drop();
        server.close(() => resolve());
      }),
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
