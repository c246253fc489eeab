"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const first = Number(data.shown_from);
  const last = Number(data.height);
  const steps = data.steps;

  function html(parent, tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    parent.appendChild(element);
    return element;
  }
  function svg(parent, tag, attributes) {
    const element = document.createElementNS(parent.namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    parent.appendChild(element);
    return element;
  }
  // What is too large for a number of a script comes as a string.
  const number = (value) => BigInt(value).toLocaleString("en");
  const many = (count, what) => `${number(count)} ${what}${BigInt(count) === 1n ? "" : "s"}`;
  const signed = (more) => more > 0n ? `+${number(more)}` : `−${number(-more)}`;

  // ---- what the transcript came to

  function head() {
    byId("lead").textContent = `Rules ${data.rules}, mode ${data.mode}, ${many(data.members.length, "member")}. ` +
      (data.base_height > 0 ? `Blocks up to ${data.base_height} were dropped; the state there is the one that a quorum finalized.` : "From the first block on.") +
      (first > data.base_height ? ` This page has the last ${many(steps.length, "height")}; --at HEIGHT shows the others.` : "");
    const verdict = byId("verdict");
    if (data.fault) {
      verdict.textContent = data.fault;
      verdict.classList.add("bad");
    } else {
      verdict.textContent = "Executed again: every root and every roll is the one that was agreed on";
    }
    const figure = (name, value, small) => {
      const box = html(byId("figures"), "div");
      html(box, "dt", "", name);
      html(html(box, "dd", "", value), "small", "", small);
    };
    const actions = steps.flatMap((step) => step.actions);
    const refused = actions.filter((action) => action.refused !== null).length;
    figure("Blocks", number(last - Number(data.base_height)), `heights ${Number(data.base_height) + 1} to ${last}`);
    figure("Rolls", number(data.rolls), "recomputed from preimages");
    figure("Actions", number(actions.length - refused), `committed; ${refused} rejected`);
    byId("group").textContent = data.group;
  }

  // ---- the state at a height

  /// Tables of rule sets with a picture come with each step; keys and values follow from changes.
  function shownAt(index) {
    if (data.base.kind !== "entries") return index === 0 ? data.base : steps[index - 1].table;
    const entries = new Map(data.base.entries);
    for (const step of steps.slice(0, index)) for (const change of step.changes) {
      if (change.own) continue;
      if (change.new === null) entries.delete(change.key); else entries.set(change.key, change.new);
    }
    return { kind: "entries", entries: [...entries].sort((a, b) => a[0] < b[0] ? -1 : 1) };
  }

  const PIPS = { 1: [[1, 1]], 2: [[0, 0], [2, 2]], 3: [[0, 0], [1, 1], [2, 2]], 4: [[0, 0], [0, 2], [2, 0], [2, 2]],
    5: [[0, 0], [0, 2], [1, 1], [2, 0], [2, 2]], 6: [[0, 0], [0, 1], [0, 2], [2, 0], [2, 1], [2, 2]] };
  function die(parent, face) {
    const picture = byId("die").content.firstElementChild.cloneNode(true);
    parent.appendChild(picture);
    picture.setAttribute("aria-label", String(face));
    for (const [x, y] of PIPS[face] || []) svg(picture, "circle", { cx: 16 + 14 * x, cy: 16 + 14 * y, r: 5.4 });
  }

  function craps(felt, now, before, thrown) {
    const top = html(felt, "div", "top");
    const puck = html(top, "div", now.point === null ? "puck" : "puck on", now.point === null ? "OFF" : String(now.point));
    puck.title = now.point === null ? "come-out: no point" : `the point is ${now.point}`;
    if (now.dice) {
      const dice = html(top, "div", thrown ? "dice" : "dice old");
      dice.title = thrown ? "thrown in this block" : "the last throw";
      for (const face of now.dice) die(dice, face);
    }
    const words = html(top, "div", "");
    html(words, "b", "", now.in_the_air ? "The dice are in the air" : thrown ? `${now.dice[0] + now.dice[1]} is thrown` : now.point === null ? "Come-out" : `Point ${now.point}`);
    html(words, "div", "note", many(now.throws, "throw")).style.margin = "0";
    const bank = html(top, "div", "bank", "bank");
    html(bank, "b", "", number(now.bank));
    const list = html(felt, "ul", "players");
    const seated = now.players.map((player, index) => [player, before && before.players[index]]);
    seated.sort(([a], [b]) => (a.seat || 99) - (b.seat || 99));
    for (const [player, earlier] of seated) {
      const changed = earlier && JSON.stringify(player) !== JSON.stringify(earlier);
      const box = html(list, "li", [player.shoots && "shoots", changed && "changed", player.seat === null && "stands"].filter(Boolean).join(" "));
      const who = html(box, "div", "who");
      html(who, "b", "", player.name);
      html(who, "small", "", [player.seat === null ? "stands" : `seat ${player.seat}`, player.shoots && "shoots", player.away && "away"].filter(Boolean).join(", "));
      const chips = html(who, "span", "", number(player.chips));
      const more = earlier ? BigInt(player.chips) - BigInt(earlier.chips) : 0n;
      if (more !== 0n) html(chips, "small", more > 0n ? "up" : "down", ` ${signed(more)}`);
      const bets = html(box, "div", "bets");
      for (const bet of player.bets) {
        const known = earlier && earlier.bets.some((other) => JSON.stringify(other) === JSON.stringify(bet));
        const name = [earlier && !known && "new", bet.switched === "off" && "off"].filter(Boolean).join(" ");
        html(bets, "span", name, `${number(bet.chips)} ${bet.on}${bet.switched ? ` (${bet.switched})` : ""}`);
      }
      for (const bet of earlier ? earlier.bets : []) {
        if (!player.bets.some((other) => other.on === bet.on)) html(bets, "span", "gone", `${number(bet.chips)} ${bet.on}`);
      }
    }
  }

  function entries(felt, now, step) {
    const changed = new Set(step ? step.changes.map((change) => change.key) : []);
    const table = html(html(felt, "div", "scroll"), "table");
    const row = html(html(table, "thead"), "tr");
    html(row, "th", "", "Key");
    html(row, "th", "", "Value");
    const body = html(table, "tbody");
    for (const [key, value] of now.entries) {
      const line = html(body, "tr", changed.has(key) ? "changed" : "");
      html(line, "td", "", key);
      html(line, "td", "", value);
    }
    if (!now.entries.length) html(felt, "p", "note", "Nothing yet.");
  }

  function table(index) {
    byId("table").textContent = "";
    const felt = html(byId("table"), "div", "felt");
    const now = shownAt(index);
    const step = steps[index - 1];
    if (now.kind === "craps") craps(felt, now, index > 0 ? shownAt(index - 1) : null, step && step.roll);
    else if (now.kind === "counter") {
      html(felt, "div", "note", "The counter stands at");
      const count = html(felt, "p", "count", number(now.value));
      const more = index > 0 ? BigInt(now.value) - BigInt(shownAt(index - 1).value) : 0n;
      if (more !== 0n) html(count, "small", more > 0n ? "up" : "down", ` ${signed(more)}`);
    } else entries(felt, now, step);
  }

  // ---- the block that led there

  function changesOf(parent, changes) {
    const body = html(html(html(parent, "div", "scroll"), "table", "keys"), "tbody");
    for (const change of changes) {
      const line = html(body, "tr");
      html(line, "td", "", change.key);
      if (change.own) continue;
      const cell = html(line, "td");
      if (change.old !== null) html(cell, "del", "", change.old);
      if (change.old !== null && change.new !== null) cell.append(" → ");
      if (change.new !== null) html(cell, "ins", "", change.new); else cell.append(" removed");
    }
  }

  const open = { keys: true, own: false };
  function block(index) {
    const box = byId("block");
    box.textContent = "";
    const step = steps[index - 1];
    if (!step) {
      html(box, "h3", "", first === 0 ? "The genesis" : `The base, height ${first}`);
      html(box, "p", "note", first === 0 ? "Nothing has happened yet." : "What led here is not on this page.");
      return;
    }
    html(box, "h3", "", `Block ${step.height}`);
    html(box, "p", "note", step.finalized ? "Final by a quorum's certificate." : "Final by the certificate of a block above.");
    if (step.roll) {
      const roll = step.roll;
      const dice = roll.dice ? `${roll.dice[0]} + ${roll.dice[1]} = ${roll.dice[0] + roll.dice[1]}` : `seed ${roll.seed.slice(0, 8)}`;
      html(box, "p", "note", `Draw ${roll.draw}: ${dice}, from the preimages of ${roll.contributors.join(", ")}.`);
    }
    const said = html(box, "ul", "said");
    for (const action of step.actions) {
      const line = html(said, "li", action.refused === null ? "" : "refused");
      html(line, "span", "fate", action.refused === null ? "committed" : "rejected");
      html(line, "b", "", action.author);
      line.append(` ${action.what}`);
      if (action.refused !== null) html(line, "span", "why", action.refused);
    }
    for (const [name, own, title] of [["keys", false, "changed"], ["own", true, "of the group's own records changed"]]) {
      const changes = step.changes.filter((change) => change.own === own);
      if (!changes.length) continue;
      const fold = html(box, "details");
      fold.open = open[name];
      fold.addEventListener("toggle", () => { open[name] = fold.open; });
      html(fold, "summary", "", `${many(changes.length, "key")} ${title}`);
      changesOf(fold, changes);
    }
    const hashes = html(box, "p", "hashes", "root ");
    html(hashes, "code", "", step.root);
    html(hashes, "br");
    hashes.append("block ");
    html(hashes, "code", "", step.block);
  }

  // ---- all blocks

  function rows() {
    for (const step of steps) {
      const button = html(html(byId("blocks"), "li"), "button");
      button.type = "button";
      html(button, "b", "", String(step.height));
      const words = html(button, "span");
      if (step.roll && step.roll.dice) html(words, "em", "", `${step.roll.dice[0]} + ${step.roll.dice[1]}${step.actions.length ? " · " : ""}`);
      else if (step.roll) html(words, "em", "", `draw ${step.roll.draw}${step.actions.length ? " · " : ""}`);
      step.actions.forEach((action, at) => {
        const text = `${at ? ", " : ""}${action.author} ${action.what}`;
        html(words, "span", action.refused === null ? "" : "no", action.refused === null ? text : `${text} (rejected)`);
      });
      button.addEventListener("click", () => show(step.height));
    }
  }

  // ---- the clock

  const slider = byId("slider");
  slider.min = first;
  slider.max = last;
  let marked = null;
  function show(height) {
    const index = Math.min(Math.max(height, first), last) - first;
    slider.value = first + index;
    byId("now").textContent = `${first + index} of ${last}`;
    table(index);
    block(index);
    if (marked) marked.removeAttribute("aria-current");
    marked = index > 0 ? byId("blocks").children[index - 1].firstChild : null;
    if (marked) {
      marked.setAttribute("aria-current", "true");
      const list = byId("blocks"), at = marked.parentNode.offsetTop;
      if (at < list.scrollTop || at > list.scrollTop + list.clientHeight - 40) list.scrollTop = at - list.clientHeight / 2;
    }
    history.replaceState(null, "", `#${first + index}`);
  }
  const now = () => Number(slider.value);
  let timer = null;
  function stop() {
    clearInterval(timer);
    timer = null;
    byId("play").textContent = "Play";
  }
  byId("play").addEventListener("click", () => {
    if (timer) return stop();
    if (now() >= last) show(first);
    byId("play").textContent = "Stop";
    timer = setInterval(() => now() >= last ? stop() : show(now() + 1), 900);
  });
  byId("back").addEventListener("click", () => { stop(); show(now() - 1); });
  byId("on").addEventListener("click", () => { stop(); show(now() + 1); });
  slider.addEventListener("input", () => { stop(); show(now()); });
  document.addEventListener("keydown", (event) => {
    if (event.target === slider || event.altKey || event.ctrlKey || event.metaKey) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) { stop(); show(now() + by); }
  });

  head();
  rows();
  const wanted = Number(location.hash.slice(1));
  show(location.hash && Number.isInteger(wanted) ? wanted : last);
})();
