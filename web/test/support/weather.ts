// Bad weather on the way of media: a UDP port in front of the server's that loses datagrams and holds each back, so that they overtake
// one another. What it does to which datagram comes from a seed; which datagram is which does not.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { numbers } from './numbers';

/** How it is on one way. */
export interface Sky {
  /** Share of datagrams that are lost. */
  loss: number;
  /** Each of the others is late by up to so many milliseconds. */
  jitterMs: number;
}

export const CLEAR_SKY: Sky = { loss: 0, jitterMs: 0 };

/** What was done to datagrams of one way. */
export interface Passed {
  carried: number;
  lost: number;
  /** Carried after one that came later. */
  overtaken: number;
}

export interface Weather {
  /** From clients to the server, and back; both may change at any time. */
  up: Sky;
  down: Sky;
  passed: Record<'up' | 'down', Passed>;
  /** What the server has to be told, so that clients come by here alone. */
  settings: Record<string, string>;
  close: () => Promise<void>;
}

/** Where clients are told to go, and where the server is. */
const OUTSIDE = '127.0.0.2';
const INSIDE = '127.0.0.1';

/** Brings it up on a free port, clear both ways at first. The server takes the same port of its own address. */
export async function startWeather(seed: number): Promise<Weather> {
  const outside = createSocket('udp4');
  outside.bind(0, OUTSIDE);
  await once(outside, 'listening');
  const { port } = outside.address();
  /** By a client's address: what speaks for it to the server. */
  const inside = new Map<string, Socket>();
  let isClosed = false;

  const way = (which: 'up' | 'down', next: () => number) => {
    let [came, went] = [0, 0];
    return (send: () => void): void => {
      const { loss, jitterMs } = weather[which];
      const passed = weather.passed[which];
      const [fate, wait] = [next(), next() * jitterMs]; // always two, so that a change of the sky changes no later fate
      if (fate < loss) return void passed.lost++;
      const number = ++came;
      const carry = (): void => {
        if (isClosed) return;
        passed.carried++;
        if (number < went) passed.overtaken++;
        went = Math.max(went, number);
        send();
      };
      if (wait > 0) setTimeout(carry, wait);
      else carry();
    };
  };
  const up = way('up', numbers(seed));
  const down = way('down', numbers(seed + 1));

  const spokesman = (client: RemoteInfo): Socket => {
    const socket = createSocket('udp4');
    socket.on('message', (datagram) => down(() => outside.send(datagram, client.port, client.address)));
    return socket;
  };
  outside.on('message', (datagram, client) => {
    const key = `${client.address}:${client.port}`;
    const socket = inside.get(key) ?? spokesman(client);
    inside.set(key, socket);
    up(() => socket.send(datagram, port, INSIDE));
  });

  const weather: Weather = {
    up: CLEAR_SKY,
    down: CLEAR_SKY,
    passed: { up: { carried: 0, lost: 0, overtaken: 0 }, down: { carried: 0, lost: 0, overtaken: 0 } },
    settings: {
      HEARTH_VOICE_UDP: `${INSIDE}:${port}`,
      HEARTH_VOICE_PUBLIC_IP: OUTSIDE,
      HEARTH_VOICE_TCP: 'off', // what went that way would not be late
    },
    close: async () => {
      isClosed = true;
      const closed = [outside, ...inside.values()].map((socket) => once(socket.close(), 'close'));
      await Promise.all(closed);
    },
  };
  return weather;
}
