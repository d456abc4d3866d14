document.title="RAN"
