// A form with data-send-at-once is sent as soon as the page is there; without script its button remains.
"use strict";
document.querySelector("form[data-send-at-once]")?.submit();
