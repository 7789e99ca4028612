// Second readers: a line of JSON in, a line of JSON out.
// {"secret", "headers", "body"} -> {"valid"}: by the reference library of Standard Webhooks.
// {"mail": base64} -> {"subject", "from", "to", "messageId", "inReplyTo", "references", "text", "html", "headers": [names]}: by postal-mime.
import { createInterface } from "node:readline";
import PostalMime from "postal-mime";
import { Webhook } from "standardwebhooks";

function valid({ secret, headers, body }) {
  try {
    new Webhook(secret).verify(body, headers);
    return { valid: true };
  } catch (error) {
    return { valid: false, error: String(error.message) };
  }
}

async function parsed(mail) {
  const { subject, from, to, messageId, inReplyTo, references, text, html, headers } = await PostalMime.parse(Buffer.from(mail, "base64"));
  return { subject, from, to, messageId, inReplyTo, references, text, html, headers: headers.map(({ key }) => key) };
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  console.log(JSON.stringify(asked.mail === undefined ? valid(asked) : await parsed(asked.mail)));
}
