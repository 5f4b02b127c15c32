import type { CallToolResult, Tool as ToolListing } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';

import { PilotError } from '../../base/pilot-error.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { PilotClient } from '../../client/client.ts';
import type { CallLimits } from './call-limits.ts';
import type { FileRoots } from './file-roots.ts';
import type { KeptReplies } from './kept-replies.ts';
import { shortened, visibleDeep } from './untrusted-text.ts';

/** What a tool has in its hands while it runs. */
export interface ToolContext {
  readonly client: PilotClient;
  readonly limits: CallLimits;
  readonly replies: KeptReplies;
  readonly random: RandomBytes;
  readonly allowTrust: boolean;
  /** Whose files may be sent. */
  readonly fileRoots: FileRoots;
  /** Aborted when the client gives the call up, or hangs up. */
  readonly signal: AbortSignal;
}

export interface ToolResult<Data> {
  /** The structured content. */
  readonly data: Data;
  /** What stands for it where only text is read; the data as JSON when there is none. */
  readonly text?: string;
}

/**
 * `reads`: changes nothing. `adds`: something goes out or is added. `decides`: what a user should have a say
 * in; clients ask before such a call.
 */
export type ToolEffect = 'reads' | 'adds' | 'decides';

/** `--allow-trust`: decides whom this node trusts. `--allow-files`: sends files of this host. */
export type ToolOption = '--allow-trust' | '--allow-files';

export interface ToolSpec<Input extends z.ZodObject, Output extends z.ZodObject> {
  readonly name: `pilot_${string}`;
  readonly title: string;
  readonly description: string;
  readonly effect: ToolEffect;
  /** It goes to a peer or a relay. */
  readonly isRemote: boolean;
  /** Only with that option of `pilotctl mcp`. */
  readonly needs?: ToolOption;
  readonly input: Input;
  readonly output: Output;
  run(args: z.output<Input>, context: ToolContext): Promise<ToolResult<z.input<Output>>>;
}

/** A tool as the server sees it, its types behind it. */
export interface Tool {
  readonly name: string;
  readonly needs: ToolOption | undefined;
  readonly listing: ToolListing;
  /** PilotError `invalid_argument` for arguments that do not fit. */
  call(args: unknown, context: ToolContext): Promise<CallToolResult>;
}

export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  spec: ToolSpec<Input, Output>,
): Tool {
  const { name, title, description, effect, isRemote } = spec;
  return {
    name,
    needs: spec.needs,
    listing: {
      ...{ name, title, description },
      inputSchema: schemaOf(spec.input, 'input'),
      outputSchema: schemaOf(spec.output, 'output'),
      annotations: {
        title,
        readOnlyHint: effect === 'reads',
        destructiveHint: effect === 'decides',
        idempotentHint: effect === 'reads',
        openWorldHint: isRemote,
      },
    },
    async call(args, context) {
      const { data, text } = await spec.run(readInput(spec, args), context);
      const structuredContent = visibleDeep(data) as Record<string, unknown>;
      const shown = text ?? JSON.stringify(structuredContent);
      return { content: [{ type: 'text', text: shown }], structuredContent };
    },
  };
}

/** Draft 7: what clients of every age can check with. */
function schemaOf(schema: z.ZodObject, io: 'input' | 'output'): ToolListing['inputSchema'] {
  return z.toJSONSchema(schema, { target: 'draft-7', io }) as ToolListing['inputSchema'];
}

const MAX_COMPLAINT_CHARACTERS = 500;

function readInput<Input extends z.ZodObject>(
  { name, input }: { readonly name: string; readonly input: Input },
  args: unknown,
): z.output<Input> {
  const parsed = input.safeParse(args ?? {});
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  const message = shortened(complaints.join('; '), MAX_COMPLAINT_CHARACTERS);
  throw new PilotError('invalid_argument', message, {
    hint: `the input schema of ${name} says what it takes`,
  });
}
