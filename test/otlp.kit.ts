import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A span as a collector gets it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values: readonly Value[] };
}
type KeyValues = readonly { readonly key: string; readonly value: Value }[];

/** A collector of traces for tests: OTLP over HTTP in JSON. It may be told to refuse, or to say nothing at all. */
export class OtlpReceiver {
  readonly bodies: string[] = [];
  requests = 0;
  how: 'takes' | 'refuses' | 'hangs' = 'takes';

  private constructor(private readonly server: Server) {}

  static async open(): Promise<OtlpReceiver> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const receiver = new OtlpReceiver(server);
    server.on('request', (request, response) => {
      receiver.requests++;
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        if (receiver.how === 'hangs') return;
        if (receiver.how === 'takes') receiver.bodies.push(body);
        response.writeHead(receiver.how === 'takes' ? 200 : 400, { 'content-type': 'application/json' }).end('{}');
      });
    });
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get spans(): ReceivedSpan[] {
    return this.bodies.flatMap(spansOf);
  }

  /** Waits until spans came for which this holds. */
  async until(holds: (spans: readonly ReceivedSpan[]) => boolean): Promise<readonly ReceivedSpan[]> {
    for (let tries = 0; tries < 400; tries++) {
      const { spans } = this;
      if (holds(spans)) return spans;
      await sleep(25);
    }
    throw new Error(`Only these came: ${JSON.stringify(this.spans.map(({ name }) => name))}`);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

function spansOf(body: string): ReceivedSpan[] {
  type Sent = Omit<ReceivedSpan, 'attributes' | 'links' | 'resource'> & {
    readonly attributes: KeyValues;
    readonly links?: ReceivedSpan['links'];
  };
  const { resourceSpans } = JSON.parse(body) as {
    resourceSpans: { resource: { attributes: KeyValues }; scopeSpans: { spans: Sent[] }[] }[];
  };
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        links: span.links ?? [],
        attributes: plain(span.attributes),
        resource: plain(resource.attributes),
      })),
    ),
  );
}

const plain = (all: KeyValues): Record<string, unknown> =>
  Object.fromEntries(all.map(({ key, value }) => [key, valueOf(value)]));

const valueOf = ({ stringValue, intValue, doubleValue, boolValue, arrayValue }: Value): unknown =>
  stringValue ?? (intValue === undefined ? undefined : Number(intValue)) ?? doubleValue ?? boolValue ?? arrayValue?.values.map(valueOf); // prettier-ignore
