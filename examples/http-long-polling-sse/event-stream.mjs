/** The format of server-sent events (WHATWG HTML, 9.2.6), from the body of an answer. */

const MAX_EVENT_CHARACTERS = 64 * 1024;

/**
 * `{ event, id, data }`, or `{ retry }` when the server says how long to wait. `heard` is called for whatever comes, comments
 * too. An event that the end cuts off is not one.
 */
export async function* readEventStream(body, heard) {
  let rest = '';
  let fields = {};
  let lastId = '';
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    heard();
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === '') {
        if (fields.data !== undefined) yield { event: 'message', ...fields, id: lastId };
        fields = {};
        continue;
      }
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (name === 'retry' && /^\d+$/.test(value)) yield { retry: Number(value) };
      else if (name === 'id' && !value.includes('\0')) lastId = value;
      else if (name === 'event') fields.event = value;
      else if (name === 'data') {
        fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
      }
    }
    if (rest.length + (fields.data?.length ?? 0) > MAX_EVENT_CHARACTERS) {
      throw new Error('an event is too long');
    }
  }
}
