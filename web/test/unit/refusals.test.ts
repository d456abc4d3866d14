// Refusals are said in the person's language; here words stand for themselves by their keys.
import { expect, test } from 'vitest';
import { ApiError } from '../../src/api/http';
import { faultText } from '../../src/refusals';

const ofField = (reason: string, said: string): ApiError =>
  new ApiError(400, 50035, 'Invalid Form Body', { name: said }, null, { name: reason });

test.each([
  [new ApiError(403, 50013, 'Missing Permissions'), 'refused_right'],
  [new ApiError(404, 10008, 'Unknown Message'), 'refused_gone'],
  [new ApiError(400, 30003, 'Maximum number of pins reached (250)'), 'refused_full'],
  [new ApiError(413, 40005, 'Request entity too large'), 'refused_large'],
  [new ApiError(429, 20016, 'Slow down'), 'too_fast'],
  [new ApiError(500, 0, 'Internal Server Error'), 'refused_server'],
  [new ApiError(503, 0, 'The disk is full'), 'The disk is full'],
  [new ApiError(404, 0, '404: Not Found'), 'refused_gone'],
  [new ApiError(400, 30046, 'Maximum number of edits'), 'too_fast'],
  [ofField('USERNAME_INVALID', 'This name is kept back'), 'refused_username'],
  [ofField('BASE_TYPE_BAD_LENGTH', 'Must be between 2 and 1000 in length.'), 'refused_length'],
  [ofField('NEVER_HEARD_OF', 'What the server says'), 'What the server says'],
  [new ApiError(0, 0, 'fetch failed'), 'unreachable'],
  [
    new ApiError(400, 50021, 'Cannot execute action on a system message'),
    'Cannot execute action on a system message',
  ],
  [new Error('a fault of ours'), 'a fault of ours'],
])('%s', (error, words) => {
  expect(faultText(error)).toBe(words);
});
