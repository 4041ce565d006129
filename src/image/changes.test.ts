import { describe, expect, test } from "bun:test";
import type { ImageRunConfig } from "../spec/oci_image.ts";
import { applyChanges } from "./_changes.ts";

test.each<[string[], ImageRunConfig]>([
  [['CMD ["sh", "-c", "x"]'], { Cmd: ["sh", "-c", "x"] }],
  [["CMD echo $HOME"], { Cmd: ["/bin/sh", "-c", "echo $HOME"] }],
  [["CMD [not json]"], { Cmd: ["/bin/sh", "-c", "[not json]"] }],
  [["cmd ls"], { Cmd: ["/bin/sh", "-c", "ls"] }],
  [['ENTRYPOINT ["/init"]'], { Entrypoint: ["/init"] }],
  [["ENV A=b C='d e' F=\"g h\""], { Env: ["A=b", "C=d e", "F=g h"] }],
  [["ENV A the rest of it"], { Env: ["A=the rest of it"] }],
  [["ENV A=1 B=2", "ENV A=3"], { Env: ["A=3", "B=2"] }],
  [
    ["ENV A=/x", `ENV B=$A/y C=\${A}z D=\${N:-none} E=\${A:+set} F='$A' G=\\$A`],
    { Env: ["A=/x", "B=/x/y", "C=/xz", "D=none", "E=set", "F=$A", "G=$A"] },
  ],
  [["ENV A=1 B=$A"], { Env: ["A=1", "B="] }],
  [
    ["EXPOSE 80 53/udp 8000-8002"],
    { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {}, "8002/tcp": {} } },
  ],
  [["USER nobody:nogroup"], { User: "nobody:nogroup" }],
  [["VOLUME /a /b", 'VOLUME ["/c d"]'], { Volumes: { "/a": {}, "/b": {}, "/c d": {} } }],
  [["WORKDIR /a", "WORKDIR b/../c"], { WorkingDir: "/a/c" }],
  [['LABEL a.b=c "d e"="f g"'], { Labels: { "a.b": "c", "d e": "f g" } }],
  [["STOPSIGNAL SIGINT"], { StopSignal: "SIGINT" }],
  [["STOPSIGNAL 9", "STOPSIGNAL RTMIN+3"], { StopSignal: "RTMIN+3" }],
  [["ONBUILD run make", "ONBUILD ADD . /x"], { OnBuild: ["RUN make", "ADD . /x"] }],
  [["HEALTHCHECK NONE"], { Healthcheck: { Test: ["NONE"] } }],
  [
    ["HEALTHCHECK --interval=5s --retries=3 CMD curl -f http://x || exit 1"],
    { Healthcheck: { Test: ["CMD-SHELL", "curl -f http://x || exit 1"], Interval: 5e9, Retries: 3 } },
  ],
  [['HEALTHCHECK --timeout=1m CMD ["/check"]'], { Healthcheck: { Test: ["CMD", "/check"], Timeout: 60e9 } }],
  [["ENV A=1 \\\n  B=2\n# a comment\n\nUSER x"], { Env: ["A=1", "B=2"], User: "x" }],
])("%j makes %j", (changes, expected) => {
  expect(applyChanges({}, changes)).toEqual(expected);
});

describe("an ENTRYPOINT", () => {
  test("takes the CMD of before away", () => {
    expect(applyChanges({ Cmd: ["old"] }, ['ENTRYPOINT ["e"]'])).toEqual({ Entrypoint: ["e"], Cmd: null });
  });

  test("leaves a CMD given with it", () => {
    expect(applyChanges({ Cmd: ["old"] }, ['CMD ["new"]', 'ENTRYPOINT ["e"]'])).toEqual({
      Entrypoint: ["e"],
      Cmd: ["new"],
    });
  });
});

test.each([
  ["RUN ls", "RUN is not a valid change command"],
  ["FROM x", "FROM is not a valid change command"],
  ["CMD", "CMD requires at least one argument"],
  ["ENV A", "ENV must have two arguments"],
  ["ENV A=1 B", 'Syntax error - can\'t find = in "B". Must be of the form: name=value'],
  ["ENV =1", "ENV names can not be blank"],
  ["EXPOSE 99999", "invalid containerPort: 99999"],
  ["EXPOSE x", "invalid containerPort: x"],
  ["EXPOSE 9-8", "invalid containerPort: 9-8"],
  ['VOLUME [""]', "VOLUME specified can not be an empty string"],
  ["STOPSIGNAL SIGNONE", "Invalid signal: SIGNONE"],
  ["STOPSIGNAL 65", "Invalid signal: 65"],
  ["ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ["ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"],
  ["HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"],
  ["HEALTHCHECK curl", 'Unknown type "curl" in HEALTHCHECK (try CMD)'],
  ["HEALTHCHECK --toString=1s CMD x", "unknown flag: toString"],
  ["HEALTHCHECK --interval=1us CMD x", 'Interval "interval" cannot be less than 1ms'],
  ["USER 'x", "looking for matching single-quote"],
])("%j is refused: %s", (change, message) => {
  expect(() => applyChanges({}, [change])).toThrow(message);
});
