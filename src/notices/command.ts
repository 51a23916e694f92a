/** A program of the user's that is told: the door to every medium that has no kind here (docs/notices.md has what it gets). */

import { prepared, programSettings } from '../program.ts';
import { run } from '../program-run.ts';
import { type Document, eventsDocument, noticeDocument } from './document.ts';
import { defineNotices, type NoticeCall } from './notice.ts';

export default defineNotices({
  settings: programSettings,
  // It may send it anywhere.
  isLocal: () => false,
  takesEvents: true,
  open: async (chosen, context) => {
    const around = { ...context, path: `notify.${context.name}`, page: 'docs/notices.md' };
    const tell = async ({ text }: Document, { signal }: NoticeCall): Promise<void> => {
      await run(await prepared(chosen, around, signal), `${text}\n`, signal);
    };
    return {
      ready: async ({ signal }) => (await prepared(chosen, around, signal)).path,
      send: (notice, call) => tell(noticeDocument(notice), call),
      stream: (batch, call) => tell(eventsDocument(batch), call),
    };
  },
});
