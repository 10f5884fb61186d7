"""How uvicorn serves us: `server` says goodbye to sockets before the door closes."""
