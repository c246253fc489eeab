"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const X = 0, Y = 1, UP = 2, HEIGHT = 3, PENDING = 4, COMMITTED = 5, SHOWN = 6, STATUS = 7;
  const BLUE = "#2a6592", BLUE_SOFT = "#a9c6dc", AMBER = "#b9721a", AMBER_SOFT = "#f6e3c8";
  const GREEN = "#2e7d55", RED = "#b03a35", MUTED = "#66727e", LINE = "#dfe4e9", GREY = "#c3cbd3";

  const byId = (id) => document.getElementById(id);
  const frames = data.frames;
  const players = data.players;
  const first = frames.length ? frames[0][0] : 0;
  const last = frames.length ? frames[frames.length - 1][0] : 1;

  function svg(parent, tag, attributes, text) {
    const element = document.createElementNS(parent.namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    parent.appendChild(element);
    return element;
  }
  function html(parent, tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    parent.appendChild(element);
    return element;
  }
  function clock(ms) {
    const sign = ms < 0 ? "−" : "";
    const seconds = Math.floor(Math.abs(ms) / 1000);
    const two = (n) => String(n).padStart(2, "0");
    const minutes = Math.floor(seconds / 60);
    if (last - first < 5400e3) return `${sign}${minutes}:${two(seconds % 60)}`;
    return `${sign}${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
  }
  function span(ms) {
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 60e3) return `${+(ms / 1000).toFixed(1)} s`;
    const seconds = Math.floor(ms / 1000) % 60;
    if (ms < 3600e3) return `${Math.floor(ms / 60e3)} min${seconds ? ` ${seconds} s` : ""}`;
    return `${Math.floor(ms / 3600e3)} h ${Math.floor(ms / 60e3) % 60} min`;
  }
  function bytes(count) {
    if (count < 1000) return `${count} B`;
    if (count < 1e6) return `${(count / 1e3).toFixed(1)} kB`;
    return `${(count / 1e6).toFixed(count < 1e7 ? 2 : 1)} MB`;
  }
  const many = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
  /// Round steps that divide `range` into about `count` parts.
  function step(range, count, steps) {
    return steps.find((size) => range / size <= count) || steps[steps.length - 1];
  }
  const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400].map((s) => s * 1000);

  // ---- what the run came to

  function head() {
    const recording = data.recording;
    let lead = `Seed ${data.seed}. ${span(data.virtual_ms)} of virtual time. `;
    if (recording) {
      lead += `Persons ${recording.people.join(", ")} play, ${data.names.length - players} others relay; ` +
        `played from second ${recording.from_s} of the recording, a contact lingers for ${recording.linger_s} s. ` +
        (recording.quorum_anywhere
          ? `A quorum of the players was in reach of each other for ${span(recording.quorum_ms)}.`
          : "Nowhere in the file was a quorum of the players in reach of each other.");
    } else {
      lead += `${many(data.links_made, "link")} made, ${data.links_lost} lost on the way.`;
    }
    byId("lead").textContent = lead;
    const verdict = byId("verdict");
    if (data.violations.length) {
      verdict.textContent = `${many(data.violations.length, "violation")}: something happened that must never happen`;
      verdict.classList.add("bad");
    } else if (data.unfinished) {
      verdict.textContent = `Not finished: ${data.unfinished}`;
      verdict.classList.add("bad");
    } else {
      verdict.textContent = "No violation: nothing happened that must never happen";
    }
    const figures = byId("figures");
    const figure = (name, value, small) => {
      const box = html(figures, "div");
      html(box, "dt", "", name);
      const shown = html(box, "dd", "", value);
      if (small) html(shown, "small", "", small);
    };
    figure("Rolls", data.rolls.toLocaleString("en"), "recomputable by anybody");
    figure("Blocks", data.blocks.toLocaleString("en"), "final");
    figure("Actions", data.committed.toLocaleString("en"), `committed; ${data.rejected} rejected, ${data.pending} pending`);
    figure("Commit", span(data.p50_ms), `half; 99 of 100 within ${span(data.p99_ms)}`);
    figure("On the air", bytes(data.air_total), "with overhead and repeats");
    byId("command").textContent = data.command;
    byId("digest").textContent = data.digest;
    byId("room-note").textContent = (recording
      ? "Players in the middle, everyone else around them; only recorded contacts carry. "
      : "Phones where they are, drawn apart where they would cover each other. ") +
      "In each phone its height, beside it what is pending, below it the player's chips. " +
      "Frames: green live, amber with somebody missing, red without a quorum, dashed off.";
  }

  // ---- the room

  const WIDE = 720, HIGH = 440;
  const stage = byId("stage");
  stage.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  const links = svg(stage, "g");
  const bodies = svg(stage, "g");
  const hasPlaces = frames.some((frame) => frame[1].some((phone) => phone[X] !== 0 || phone[Y] !== 0));
  const place = hasPlaces ? places() : ring();
  const glyphs = data.names.map((name, index) => index < players ? phone(name) : relay(name));

  /// Places of the world, scaled to the stage.
  function places() {
    let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
    for (const frame of frames) for (const one of frame[1]) {
      left = Math.min(left, one[X]); right = Math.max(right, one[X]);
      top = Math.min(top, one[Y]); bottom = Math.max(bottom, one[Y]);
    }
    const scale = Math.min((WIDE - 110) / Math.max(right - left, 100), (HIGH - 150) / Math.max(bottom - top, 100));
    const dx = (WIDE - scale * (right - left)) / 2, dy = (HIGH - 14 - scale * (bottom - top)) / 2;
    const metres = [1, 2, 5, 10, 20, 50, 100, 200].find((m) => m * 100 * scale >= 60) || 200;
    const bar = metres * 100 * scale;
    svg(stage, "path", { d: `M16 ${HIGH - 22}v6h${bar}v-6`, fill: "none", stroke: MUTED });
    svg(stage, "text", { x: 22, y: HIGH - 22, "font-size": 11, class: "soft" }, `${metres} m`);
    return (one) => [dx + (one[X] - left) * scale, dy + (one[Y] - top) * scale];
  }

  /// People of a recording have no places: players in the middle, relays around them.
  function ring() {
    const spots = data.names.map((_, index) => {
      const isPlayer = index < players;
      const count = isPlayer ? players : data.names.length - players;
      const turn = ((isPlayer ? index : index - players) + .5) / count * 2 * Math.PI - Math.PI / 2;
      const size = isPlayer ? [150, 86] : [325, 196];
      return [WIDE / 2 + Math.cos(turn) * size[0], HIGH / 2 - 4 + Math.sin(turn) * size[1]];
    });
    return (_, index) => spots[index];
  }

  /// Phones on one table would cover each other: pushes them apart, and keeps them on the stage.
  function apart(spots) {
    if (!hasPlaces) return spots;
    const near = 60, tall = 1.7;
    for (let pass = 0; pass < 24; pass += 1) {
      for (let a = 0; a < players; a += 1) for (let b = a + 1; b < players; b += 1) {
        let dx = spots[b][0] - spots[a][0], dy = (spots[b][1] - spots[a][1]) / tall;
        let distance = Math.hypot(dx, dy);
        if (distance >= near) continue;
        if (distance < .01) { dx = Math.cos(b); dy = Math.sin(b); distance = 1; }
        const push = (near - distance) / distance / 2;
        spots[a][0] -= dx * push; spots[a][1] -= dy * push * tall;
        spots[b][0] += dx * push; spots[b][1] += dy * push * tall;
      }
      for (let a = 0; a < players; a += 1) {
        spots[a][0] = Math.min(Math.max(spots[a][0], 34), WIDE - 34);
        spots[a][1] = Math.min(Math.max(spots[a][1], 52), HIGH - 62);
      }
    }
    return spots;
  }

  function phone(name) {
    const group = svg(bodies, "g");
    svg(group, "title", {}, name);
    return {
      group,
      box: svg(group, "rect", { x: -17, y: -25, width: 34, height: 50, rx: 7, fill: "#fff", "stroke-width": 2.5 }),
      height: svg(group, "text", { y: 5, "text-anchor": "middle", "font-size": 14, "font-weight": 650 }),
      name: svg(group, "text", { y: -32, "text-anchor": "middle", "font-size": 12.5, "font-weight": 600, class: "halo" }, name),
      chips: svg(group, "text", { y: 40, "text-anchor": "middle", "font-size": 12, class: "halo" }),
      badge: svg(group, "circle", { cx: 17, cy: -24, r: 9, fill: AMBER }),
      count: svg(group, "text", { x: 17, y: -20, "text-anchor": "middle", "font-size": 11, "font-weight": 650, style: "fill:#fff" }),
    };
  }
  function relay(name) {
    const group = svg(bodies, "g");
    svg(group, "title", {}, name);
    return { group, dot: svg(group, "circle", { r: 4.5, fill: GREY }) };
  }

  function color(one) {
    if (!one[UP]) return GREY;
    const status = (data.statuses[one[STATUS]] || "").toLowerCase();
    if (status.startsWith("live")) return GREEN;
    if (status.startsWith("degraded")) return AMBER;
    if (status.startsWith("no") || status.startsWith("diverged")) return RED;
    return MUTED;
  }

  function frameAt(time) {
    let low = 0, high = frames.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (frames[middle][0] <= time) low = middle; else high = middle - 1;
    }
    return low;
  }

  const rows = data.names.slice(0, players).map((name) => {
    const row = html(byId("phones").tBodies[0], "tr");
    const cell = html(row, "td");
    const dot = html(cell, "span", "dot");
    cell.append(name);
    return { dot, status: html(row, "td"), height: html(row, "td", "number"), pending: html(row, "td", "number"), chips: html(row, "td", "number") };
  });

  let shown = [];
  function draw(time) {
    if (!frames.length) return;
    const index = frameAt(time);
    const [at, phones, linked] = frames[index];
    const next = frames[Math.min(index + 1, frames.length - 1)];
    const part = next[0] > at ? Math.min((time - at) / (next[0] - at), 1) : 0;
    const spots = apart(phones.map((one, which) => {
      const [x, y] = place(one, which);
      const [nx, ny] = place(next[1][which] || one, which);
      return [x + (nx - x) * part, y + (ny - y) * part];
    }));

    while (shown.length < linked.length) shown.push(svg(links, "line"));
    shown.forEach((line, which) => {
      const pair = linked[which];
      line.setAttribute("visibility", pair ? "visible" : "hidden");
      if (!pair) return;
      const [[ax, ay], [bx, by]] = [spots[pair[0]], spots[pair[1]]];
      const inside = (pair[0] < players) + (pair[1] < players);
      for (const [name, value] of Object.entries({ x1: ax, y1: ay, x2: bx, y2: by })) line.setAttribute(name, value.toFixed(1));
      line.setAttribute("stroke", inside === 2 ? BLUE : inside ? BLUE_SOFT : LINE);
      line.setAttribute("stroke-width", inside === 2 ? 1.8 : 1);
    });

    phones.forEach((one, which) => {
      const glyph = glyphs[which];
      if (!glyph) return;
      glyph.group.setAttribute("transform", `translate(${spots[which][0].toFixed(1)} ${spots[which][1].toFixed(1)})`);
      if (glyph.dot) { glyph.dot.setAttribute("fill", one[UP] ? "#98a4af" : "#e4e8ec"); return; }
      glyph.box.setAttribute("stroke", color(one));
      glyph.box.setAttribute("stroke-dasharray", one[UP] ? "none" : "4 3");
      glyph.group.setAttribute("opacity", one[UP] ? 1 : .55);
      glyph.height.textContent = one[HEIGHT];
      glyph.height.setAttribute("font-size", one[HEIGHT] < 1000 ? 14 : 11.5);
      glyph.chips.replaceChildren();
      const unsettled = one[SHOWN] !== one[COMMITTED];
      svg(glyph.chips, "tspan", {}, one[COMMITTED]);
      if (unsettled) svg(glyph.chips, "tspan", { dx: 5, style: `fill:${AMBER};font-weight:600` }, one[SHOWN]);
      const visibility = one[PENDING] ? "visible" : "hidden";
      glyph.badge.setAttribute("visibility", visibility);
      glyph.count.setAttribute("visibility", visibility);
      glyph.count.textContent = one[PENDING];
      const row = rows[which];
      row.dot.style.background = color(one);
      row.status.textContent = one[UP] ? data.statuses[one[STATUS]] : "off";
      row.height.textContent = one[HEIGHT];
      row.pending.textContent = one[PENDING] || "";
      row.pending.className = "number pending";
      row.chips.replaceChildren();
      html(row.chips, "span", "chip", one[COMMITTED]);
      if (unsettled) { row.chips.append(" "); html(row.chips, "span", "chip shown", one[SHOWN]); }
    });

    byId("now").textContent = clock(time);
    const log = byId("log");
    log.replaceChildren();
    let end = data.log.findIndex(([when]) => when > time);
    if (end < 0) end = data.log.length;
    for (const [when, text] of data.log.slice(Math.max(end - 6, 0), end).reverse()) {
      const item = html(log, "li");
      html(item, "time", "", clock(when));
      item.append(text);
    }
    moveCursor(time);
  }

  // ---- heights

  const LEFT = 44 + 7.6 * Math.max(...data.names.slice(0, players).map((name) => name.length)), RIGHT = 52, ROW = 44, GAP = 10, TOP = 8, CHART = 1090;
  const heights = byId("heights");
  const floor = TOP + players * (ROW + GAP);
  heights.setAttribute("viewBox", `0 0 ${CHART} ${floor + 34}`);
  const timeX = (time) => LEFT + (time - first) / Math.max(last - first, 1) * (CHART - LEFT - RIGHT);
  let cursor = null;

  function heightRows() {
    const best = frames.map((frame) => Math.max(0, ...frame[1].slice(0, players).map((one) => one[HEIGHT])));
    const top = Math.max(1, ...best);
    const size = step(last - first, 12, TIME_STEPS);
    for (let tick = Math.ceil(first / size) * size; tick <= last; tick += size) {
      const x = timeX(tick);
      svg(heights, "line", { x1: x, x2: x, y1: TOP, y2: floor, stroke: "#eef1f4" });
      svg(heights, "text", { x, y: floor + 14, "text-anchor": "middle", "font-size": 11, class: "soft" }, clock(tick));
    }
    svg(heights, "text", { x: (LEFT + CHART - RIGHT) / 2, y: floor + 30, "text-anchor": "middle", "font-size": 11.5, class: "soft" },
      last - first < 5400e3 ? "virtual time (min:s)" : "virtual time (h:min:s)");
    const path = (base, values) => {
      let d = "", before = null;
      values.forEach((value, index) => {
        const x = timeX(frames[index][0]).toFixed(1), y = (base - value / top * ROW).toFixed(1);
        if (before === null) d = `M${x} ${y}`;
        else if (y !== before || index === values.length - 1) d += `H${x}V${y}`;
        before = y;
      });
      return d;
    };
    for (let which = 0; which < players; which += 1) {
      const base = TOP + which * (ROW + GAP) + ROW;
      for (const [who, from, to, why] of data.absences) {
        if (who !== which) continue;
        const x = timeX(Math.max(from, first)), width = Math.max(timeX(Math.min(to, last)) - x, 1.5);
        const shade = svg(heights, "rect", { x, y: base - ROW - 3, width, height: ROW + 3, fill: AMBER_SOFT });
        svg(shade, "title", {}, `${data.names[which]}: ${why}, ${clock(from)} to ${clock(to)}`);
        if (width > 60) svg(heights, "text", { x: x + 5, y: base - ROW + 9, "font-size": 10.5, style: `fill:${AMBER}` }, why);
      }
      svg(heights, "line", { x1: LEFT, x2: CHART - RIGHT, y1: base, y2: base, stroke: LINE });
      svg(heights, "path", { d: path(base, best), fill: "none", stroke: GREY, "stroke-width": 1.2 });
      const own = frames.map((frame) => frame[1][which][HEIGHT]);
      svg(heights, "path", { d: path(base, own), fill: "none", stroke: BLUE, "stroke-width": 1.8, "stroke-linejoin": "round" });
      svg(heights, "text", { x: LEFT - 30, y: base - ROW / 2 + 5, "text-anchor": "end", "font-size": 12.5, "font-weight": 600 }, data.names[which]);
      svg(heights, "text", { x: LEFT - 5, y: base - ROW + 8, "text-anchor": "end", "font-size": 10, class: "soft" }, top);
      svg(heights, "text", { x: LEFT - 5, y: base + 1, "text-anchor": "end", "font-size": 10, class: "soft" }, 0);
      svg(heights, "text", { x: CHART - RIGHT + 7, y: base - own[own.length - 1] / top * ROW + 4, "font-size": 12, style: `fill:${BLUE}` }, own[own.length - 1]);
    }
    cursor = svg(heights, "line", { y1: TOP - 4, y2: floor, stroke: "#1d2730", "stroke-width": 1 });
    const toTime = (event) => {
      const box = heights.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * CHART;
      const part = (x - LEFT) / (CHART - LEFT - RIGHT);
      go(first + Math.min(Math.max(part, 0), 1) * (last - first));
    };
    heights.addEventListener("pointerdown", toTime);
    heights.addEventListener("pointermove", (event) => { if (event.buttons) toTime(event); });
  }
  function moveCursor(time) {
    if (!cursor) return;
    cursor.setAttribute("x1", timeX(time));
    cursor.setAttribute("x2", timeX(time));
  }

  const AIR_ROW = 24;
  const kinds = data.air_kinds.filter(([, count]) => count > 0);
  const airHeight = 52 + (kinds.length + 2) * AIR_ROW + 6;

  // ---- pending to committed

  function histogram() {
    const chart = byId("histogram");
    // As high as its neighbour on the page.
    const wide = 520, high = Math.max(300, airHeight), left = 46, right = 14, top = 34, base = high - 50;
    chart.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    const samples = data.commit_us.map((us) => us / 1000).filter((ms) => ms > 0);
    if (!samples.length) {
      svg(chart, "text", { x: wide / 2, y: high / 2, "text-anchor": "middle", class: "soft" }, "nothing was committed everywhere");
      return;
    }
    const PER_DECADE = 8;
    const bin = (ms) => Math.floor(Math.log10(ms) * PER_DECADE);
    const low = bin(samples[0]) - 1, high_bin = bin(samples[samples.length - 1]) + 2;
    const x = (ms) => left + (Math.log10(ms) * PER_DECADE - low) / (high_bin - low) * (wide - left - right);
    const counts = new Map();
    for (const ms of samples) counts.set(bin(ms), (counts.get(bin(ms)) || 0) + 1);
    const most = Math.max(...counts.values());
    const size = step(most, 5, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]);
    const ceiling = Math.ceil(most / size) * size;
    const y = (count) => base - count / ceiling * (base - top);
    for (let tick = 0; tick <= ceiling; tick += size) {
      svg(chart, "line", { x1: left, x2: wide - right, y1: y(tick), y2: y(tick), stroke: tick ? "#eef1f4" : GREY });
      svg(chart, "text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end", "font-size": 11, class: "soft" }, tick);
    }
    svg(chart, "text", { x: 12, y: (top + base) / 2, "text-anchor": "middle", "font-size": 11.5, class: "soft",
      transform: `rotate(-90 12 ${(top + base) / 2})` }, "actions");
    for (const [which, count] of counts) {
      const from = x(10 ** (which / PER_DECADE)), to = x(10 ** ((which + 1) / PER_DECADE));
      const bar = svg(chart, "rect", { x: from + .75, width: Math.max(to - from - 1.5, 1), y: y(count), height: base - y(count), fill: BLUE });
      svg(bar, "title", {}, `${count} between ${span(10 ** (which / PER_DECADE))} and ${span(10 ** ((which + 1) / PER_DECADE))}`);
    }
    let free = -Infinity;
    for (const ms of [1, 2, 5].flatMap((n) => [1, 10, 100, 1e3, 1e4, 1e5, 1e6].map((d) => n * d)).sort((a, b) => a - b)) {
      const at = x(ms);
      if (at < left || at > wide - right) continue;
      svg(chart, "line", { x1: at, x2: at, y1: base, y2: base + 4, stroke: GREY });
      if (at - free < 46) continue;
      svg(chart, "text", { x: at, y: base + 17, "text-anchor": "middle", "font-size": 11, class: "soft" }, ms < 60e3 ? span(ms) : `${ms / 1000} s`);
      free = at;
    }
    svg(chart, "text", { x: (left + wide - right) / 2, y: base + 38, "text-anchor": "middle", "font-size": 11.5, class: "soft" },
      `time to commit (${many(samples.length, "action")})`);
    const mark = (ms, label, height) => {
      if (!ms) return;
      const at = Math.min(Math.max(x(ms), left), wide - right);
      svg(chart, "line", { x1: at, x2: at, y1: height + 4, y2: base, stroke: "#1d2730", "stroke-dasharray": "3 3" });
      svg(chart, "text", { x: at, y: height, "text-anchor": at > wide - 110 ? "end" : at < left + 40 ? "start" : "middle", "font-size": 11.5, "font-weight": 600 }, `${label}: ${span(ms)}`);
    };
    mark(data.p50_ms, "half", 12);
    mark(data.p99_ms, "99 of 100", x(data.p99_ms) - x(data.p50_ms) < 130 ? 26 : 12);
  }

  // ---- bytes

  function air() {
    const chart = byId("air");
    const sum = kinds.reduce((all, [, count]) => all + count, 0);
    const wide = 520, left = 118, right = 110, row = AIR_ROW, head = 18;
    const split = head + kinds.length * row + 34;
    chart.setAttribute("viewBox", `0 0 ${wide} ${airHeight}`);
    byId("air-note").textContent = "Above: messages handed to links, by kind, before compression and encryption. Below: everything on " +
      "the air, with overhead and repeats, beside the whole state sent over every link at every block.";
    const bar = (y, name, value, most, fill, label) => {
      const length = most ? value / most * (wide - left - right) : 0;
      svg(chart, "text", { x: left - 8, y: y + 14, "text-anchor": "end", "font-size": 12 }, name);
      svg(chart, "rect", { x: left, y: y + 2, width: Math.max(length, 1), height: row - 8, rx: 2, fill });
      svg(chart, "text", { x: left + Math.max(length, 1) + 6, y: y + 14, "font-size": 11.5, class: "soft" }, label);
    };
    svg(chart, "text", { x: left, y: 11, "font-size": 11.5, class: "soft" }, `messages, ${bytes(sum)} in all`);
    const most = Math.max(1, ...kinds.map(([, count]) => count));
    kinds.forEach(([kind, count], index) =>
      bar(head + index * row, kind, count, most, BLUE, `${bytes(count)} · ${(count / sum * 100).toFixed(count / sum < .1 ? 1 : 0)} %`));
    const ratio = data.air_total ? data.flooding / data.air_total : 0;
    svg(chart, "text", { x: left, y: split - 7, "font-size": 11.5, class: "soft" },
      ratio >= 1.05 ? `on the air: flooding would cost ${ratio.toFixed(ratio < 10 ? 1 : 0)} times as much` : "on the air");
    const both = Math.max(data.air_total, data.flooding, 1);
    bar(split, "this run", data.air_total, both, BLUE, bytes(data.air_total));
    bar(split + row, "flooding", data.flooding, both, GREY, bytes(data.flooding));
  }

  // ---- how it ended

  function end() {
    const section = byId("end");
    const list = (title, lines) => {
      if (!lines.length) return;
      html(section, "h2", "", title);
      const items = html(section, "ul", "plain");
      for (const line of lines) html(items, "li", "", line);
    };
    list("Violations", data.violations.map((one) => `seed ${one.seed}, ${one.what}`));
    if (data.recording) {
      list("Not at the last head", data.recording.behind.map(([who, height, top, why]) =>
        `${data.names[who]} is at block ${height} of ${top}: ${why}`));
    }
    list("Waiting at the end", data.waiting.map(([who, what, whom]) =>
      `${data.names[who]} waits for ${what}${whom.length ? ` from ${whom.join(", ")}` : ""}`));
    const together = new Map();
    for (const [who, from, to, why] of data.absences) {
      const when = `${why} from ${clock(from)} to ${clock(to)} (${span(to - from)})`;
      together.set(when, [...(together.get(when) || []), data.names[who]]);
    }
    list("Absences", [...together].map(([when, names]) =>
      names.length < players ? `${names.join(", ")}: ${when}`
        : `Everybody: ${when.replace("out of reach", "no quorum in reach of each other")}`));
    if (!section.childElementCount) section.remove();
  }

  // ---- the clock

  const slider = byId("slider");
  slider.min = first;
  slider.max = last;
  let time = first, playing = null;
  function go(to) {
    time = Math.min(Math.max(to, first), last);
    slider.value = time;
    draw(time);
  }
  function pause() {
    cancelAnimationFrame(playing);
    playing = null;
    byId("play").textContent = "Play";
  }
  function play() {
    if (time >= last) time = first;
    byId("play").textContent = "Pause";
    // A whole run takes a minute to watch, whatever it took to play.
    const speed = Math.max((last - first) / 60e3, 1);
    let before = null;
    const tick = (stamp) => {
      if (before !== null) go(time + (stamp - before) * speed);
      before = stamp;
      if (time >= last) pause(); else playing = requestAnimationFrame(tick);
    };
    playing = requestAnimationFrame(tick);
  }
  slider.addEventListener("input", () => { pause(); go(Number(slider.value)); });
  byId("play").addEventListener("click", () => playing === null ? play() : pause());

  head();
  heightRows();
  histogram();
  air();
  end();
  // Opens where there is something to see; `#t=SECONDS` opens elsewhere.
  const wanted = /^#t=(-?[\d.]+)$/.exec(location.hash);
  go(wanted ? Number(wanted[1]) * 1000 : first + (last - first) * .4);
})();
