import { TouchstoneError } from '@touchstone/eventing';
import type { TraceExport, TraceExportOptions } from './trace-export.js';

export type { SpanCounts, TraceExport, TraceExportOptions } from './trace-export.js';

type Env = Readonly<Record<string, string | undefined>>;

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const;

/**
 * Traces to the collector that the standard variables of OpenTelemetry name, in the environment of this process; null
 * where they name none. The SDK is loaded only where it is wanted.
 * @throws CONFIG_INVALID for an address or a protocol that is none
 */
export async function openTraces(options: TraceExportOptions): Promise<TraceExport | null> {
  const { env } = process;
  if (!areWanted(env)) return null;
  checkSettings(env);
  const { openTraceExport } = await import('./trace-export.js');
  return openTraceExport(options);
}

function areWanted(env: Env): boolean {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return false;
  return ENDPOINTS.some((name) => Boolean(env[name]?.trim()));
}

function checkSettings(env: Env): void {
  const faults: string[] = [];
  for (const name of ENDPOINTS) {
    const text = env[name]?.trim();
    // It may hold a password: it is not repeated.
    if (text && !(URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)))
      faults.push(`${name} must be an address that begins with http:// or https://`);
  }
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL'];
  if (protocol === 'grpc') {
    faults.push(
      'OTEL_EXPORTER_OTLP_PROTOCOL cannot be grpc: leave it out, and give the port for HTTP of the collector',
    );
  }
  if (faults.length === 0) return;
  throw new TouchstoneError('CONFIG_INVALID', `Mend the settings: ${faults.join('. ')}.`, 'invalid', { faults });
}
