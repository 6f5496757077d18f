/** What a thread of the peer does. */
export const echo = (input: object): object => input;
